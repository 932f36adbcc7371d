"""The system calls that a worker may not make, by libseccomp where that is there.

A list of what is denied, not of what is allowed: Python, OpenSSL and the C library make many calls, other ones with
each release, and a probe that is killed for a harmless one says nothing about a realserver. What is denied fails with
EPERM.
"""

import ctypes
import errno
import os
import socket
from typing import Any, Final

_ALLOW: Final = 0x7FFF0000  # seccomp.h: SCMP_ACT_ALLOW
_ERRNO: Final = 0x00050000  # SCMP_ACT_ERRNO
_LESS, _EQUAL, _GREATER, _MASKED, _UNEQUAL = 2, 4, 6, 7, 1  # enum scmp_compare
_CLONE_THREAD: Final = 0x00010000  # linux/sched.h
_TYPE_MASK: Final = 0xF  # linux/net.h: SOCK_TYPE_MASK
_SOCK_PACKET: Final = 10

DENIED: Final = (
    # other programs and processes
    "execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp",
    "kill", "tkill", "pidfd_open", "pidfd_getfd", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo",
    # namespaces, mounts, other roots
    "setns", "unshare", "mount", "umount", "umount2", "pivot_root", "chroot", "fsopen", "fsconfig", "fsmount", "fspick",
    "open_tree", "move_mount", "mount_setattr", "open_by_handle_at", "name_to_handle_at",
    # the kernel itself
    "bpf", "perf_event_open", "userfaultfd", "init_module", "finit_module", "delete_module", "kexec_load",
    "kexec_file_load", "reboot", "syslog", "io_uring_setup", "io_uring_enter", "io_uring_register", "keyctl", "add_key",
    "request_key", "personality", "modify_ldt", "iopl", "ioperm", "lookup_dcookie", "vmsplice", "memfd_secret",
    # the host
    "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "stime", "sethostname", "setdomainname", "swapon",
    "swapoff", "acct", "quotactl", "quotactl_fd", "fanotify_init", "vhangup", "mknod", "mknodat",
    "setpriority", "ioprio_set", "sched_setscheduler", "sched_setparam", "sched_setattr", "sched_setaffinity",
    "migrate_pages", "move_pages",
    # who it is
    "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "setfsuid", "setfsgid", "capset",
    "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat", "setxattr", "lsetxattr",
    "fsetxattr", "removexattr", "lremovexattr", "fremovexattr", "link", "linkat", "symlink", "symlinkat", "rename",
    "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat", "truncate",
)  # fmt: skip


class _Compare(ctypes.Structure):
    """struct scmp_arg_cmp."""

    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


def install() -> str | None:
    """Deny these calls to this process and all its threads from now on; return why that is not possible, if so.

    Call it before there are other threads, with no_new_privs set.
    """
    try:
        library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    except OSError:
        return "libseccomp is not there: install libseccomp2"
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_rule_add_array.argtypes = (
        ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p,
    )  # fmt: skip
    context = library.seccomp_init(_ALLOW)
    if not context:
        return "libseccomp cannot make a filter"
    try:
        _add_rules(library, context)
        _check(library.seccomp_load(ctypes.c_void_p(context)))
    except OSError as error:
        return f"the kernel takes no filter: {error.strerror}"
    finally:
        library.seccomp_release(ctypes.c_void_p(context))
    return None


def _add_rules(library: Any, context: int) -> None:
    for name in DENIED:
        _deny(library, context, name)
    _deny(library, context, "clone3", number=errno.ENOSYS)  # its flags are in memory: the C library then uses clone
    _deny(library, context, "clone", (0, _MASKED, _CLONE_THREAD, 0))  # all but new threads
    _deny(library, context, "tgkill", (0, _UNEQUAL, os.getpid(), 0))
    _deny(library, context, "prlimit64", (0, _UNEQUAL, 0, 0))  # of others
    # TCP, UDP and ping sockets over IPv4 and IPv6: no netlink, packet, raw or vsock, and no way to local daemons.
    _deny(library, context, "socket", (0, _LESS, socket.AF_INET, 0))
    _deny(library, context, "socket", (0, _GREATER, socket.AF_INET6, 0))
    for family in range(socket.AF_INET + 1, socket.AF_INET6):
        _deny(library, context, "socket", (0, _EQUAL, family, 0))
    for kind in (socket.SOCK_RAW, _SOCK_PACKET):
        _deny(library, context, "socket", (1, _MASKED, _TYPE_MASK, kind))


def _deny(
    library: Any, context: int, name: str, compared: tuple[int, int, int, int] | None = None, number: int = errno.EPERM
) -> None:
    call = library.seccomp_syscall_resolve_name(name.encode())
    if call == -1:  # this libseccomp does not know it: it is newer
        return
    compare = None if compared is None else ctypes.byref(_Compare(*compared))
    _check(library.seccomp_rule_add_array(context, _ERRNO | number, call, 0 if compare is None else 1, compare))


def _check(result: int) -> None:
    if result and result != -errno.EDOM:  # EDOM: this processor has no such call
        raise OSError(-result, os.strerror(-result))
