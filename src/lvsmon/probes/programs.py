"""Names of ONC RPC programs: those that every site has, and those of the director's /etc/rpc."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_PROGRAMS: Final = """
portmapper 100000 rpcbind portmap sunrpc
rstatd 100001 rstat
rusersd 100002 rusers
nfs 100003 nfsprog
ypserv 100004
mountd 100005 mount
ypbind 100007
walld 100008 rwall
yppasswdd 100009 yppasswd
rquotad 100011 rquota quota
sprayd 100012 spray
rexd 100017
nlockmgr 100021 nlm lockd
status 100024 statd nsm
bootparam 100026
ypupdated 100028
keyserv 100029
ypxfrd 100069
nfs_acl 100227
pcnfsd 150001
amd 300019 amq
fypxfrd 600100069
"""
"""Number and aliases as /etc/rpc has them, and the names that people say (nlm, nsm)."""

_MAX_FILE: Final = 1 << 20
_LARGEST: Final = 2**32 - 1


def _read(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) >= 2 and words[1].isdecimal() and int(words[1]) <= _LARGEST:
            for name in (words[0], *words[2:]):
                found.setdefault(name, int(words[1]))
    return found


@cache
def _known() -> dict[str, int]:
    try:
        with Path("/etc/rpc").open(encoding="utf-8", errors="replace") as file:
            local = _read(file.read(_MAX_FILE))
    except OSError:  # a director need not have one: the names above are known all the same
        local = {}
    return {**local, **_read(_PROGRAMS)}


@cache
def _names() -> dict[int, str]:
    names: dict[int, str] = {}
    for name, number in (*_read(_PROGRAMS).items(), *_known().items()):
        names.setdefault(number, name)
    return names


def number_of(program: str | int) -> int:
    """Return the number of a program given by name or number; raise ValueError saying what to write."""
    if isinstance(program, int) and not isinstance(program, bool):
        number = program
    elif isinstance(program, str) and program.isdecimal():
        number = int(program)
    else:
        known = _known().get(str(program))
        if known is None:
            raise ValueError(f"no RPC program {program!r} is known: write its number, or add its name to /etc/rpc")
        number = known
    if not 0 <= number <= _LARGEST:
        raise ValueError(f"{number} is no RPC program: numbers go from 0 to {_LARGEST}")
    return number


def name_of(number: int) -> str:
    """Return the name of a program for people, its number where it has none."""
    return _names().get(number, f"program {number}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A program that must be there, in one version or in any."""

    program: int
    version: int | None

    @classmethod
    def read(cls, text: str | int) -> "Wanted":
        """Return what "nfs", "100003", 100003 or "nfs/3" writes; raise ValueError saying what to write."""
        program, slash, version = str(text).partition("/")
        if slash and not (version.isdecimal() and int(version) <= _LARGEST):
            raise ValueError(f'{text!r} names no version: write for example "nfs/3", or "nfs" for any version')
        return cls(number_of(program), int(version) if slash else None)

    def __str__(self) -> str:
        return name_of(self.program) + (f" version {self.version}" if self.version is not None else "")
