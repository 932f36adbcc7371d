"""Giving up privileges: what a worker does to itself before it meets the first byte of a realserver.

Numbers are of Linux's uapi headers: linux/prctl.h, linux/capability.h, linux/securebits.h.
"""

import ctypes
import os
import pwd
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import lvsmon
from lvsmon.monitor.workers import seccomp

_PDEATHSIG, _DUMPABLE, _CAPBSET_DROP, _SECUREBITS, _NO_NEW_PRIVS, _CAP_AMBIENT = 1, 4, 24, 28, 38, 47
_AMBIENT_CLEAR_ALL: Final = 4
_CAPABILITY_VERSION: Final = 0x20080522  # _LINUX_CAPABILITY_VERSION_3
_LAST_CAPABILITY: Final = 63
_BITS: Final = 0b11101111
"""NOROOT, NO_SETUID_FIXUP and NO_CAP_AMBIENT_RAISE, each with its lock, and the lock of KEEP_CAPS: no set-uid program
and no change of user gives a capability any more."""

MOST_MEMORY: Final = 4 << 30
"""Bytes of private memory of a worker: ten thousand runs at once that each keep what they may would need less."""

MOST_WRITTEN: Final = 1 << 20
"""Bytes of a file that a worker writes: its last words, a client's key in memory, what a program reads."""

_libc: Final = ctypes.CDLL(None, use_errno=True)


def confine(user: str | None, descriptors: int) -> list[str]:
    """Become ``user`` (None: stay who we are) without capabilities and within limits; return what is not in force.

    There must be no other thread yet. ``descriptors`` is how many files may be open.
    """
    missing = []
    with suppress(OSError):  # where memory runs out, a worker can be replaced and the supervisor cannot
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    entry, why = _user(user)  # first, while a change of user still takes what root may read away
    if why is not None:
        missing.append(why)
    for number in range(_LAST_CAPABILITY + 1):
        _prctl(_CAPBSET_DROP, number)  # without CAP_SETPCAP this fails, and no_new_privs alone sees to it
    _prctl(_SECUREBITS, _BITS)
    if entry is not None and not _become(entry):
        missing.append(f"it cannot become {user}: only root, or CAP_SETUID and CAP_SETGID, can")
    _prctl(_CAP_AMBIENT, _AMBIENT_CLEAR_ALL)
    if not _drop_capabilities():
        missing.append("its capabilities could not be given up")
    if not _prctl(_NO_NEW_PRIVS, 1):
        missing.append("no_new_privs could not be set")
    _prctl(_DUMPABLE, 0)  # no other worker may look into it, or write there
    _limit(descriptors)
    os.umask(0o077)
    os.chdir("/")
    if (why := seccomp.install()) is not None:
        missing.append(f"no filter of system calls: {why}")
    return missing


def die_with(parent: int) -> None:
    """End when the process ``parent``, which started this one, ends, however it ends.

    A change of user takes it back, so it comes after that.
    """
    _prctl(_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def _user(name: str | None) -> tuple[pwd.struct_passwd | None, str | None]:
    """Return whom to become, and what speaks against it."""
    if name is None:
        return None, None
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None, f"worker_user: there is no user {name}"
    if entry.pw_uid == os.geteuid() or _may_read(entry.pw_uid, entry.pw_gid):
        return entry, None
    places = f"{sys.base_prefix} or {Path(lvsmon.__file__).parent}"
    return None, f"it cannot run as {name}, who may not read {places}: install both where everybody may, such as /opt"


def _become(entry: pwd.struct_passwd) -> bool:
    if entry.pw_uid == os.geteuid():
        return True
    try:
        os.setgroups([])
        os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
        os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    except PermissionError:
        return False
    return True


def _may_read(uid: int, gid: int) -> bool:
    """Return whether that user may load what is loaded later: modules of Python and of lvsmon."""
    before = os.geteuid(), os.getegid()
    try:
        os.setegid(gid)
        os.seteuid(uid)
    except PermissionError:
        return True  # then nobody becomes that user either
    try:
        for path in (os.__file__, lvsmon.__file__):
            with Path(path).open("rb"):
                pass
    except OSError:
        return False
    finally:
        os.seteuid(before[0])
        os.setegid(before[1])
    return True


def _drop_capabilities() -> bool:
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    return not _libc.capset(header, (ctypes.c_uint32 * 6)())  # effective, permitted, inheritable, each in two words


def _limit(descriptors: int) -> None:
    for number, most in (
        (resource.RLIMIT_NOFILE, descriptors),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_DATA, MOST_MEMORY),
        (resource.RLIMIT_FSIZE, MOST_WRITTEN),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        _, hard = resource.getrlimit(number)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(number, (least, least))


def _prctl(option: int, argument: int) -> bool:
    zero = ctypes.c_ulong(0)
    return not _libc.prctl(option, ctypes.c_ulong(argument), zero, zero, zero)
