"""Values that a configuration is written in, besides those any kind of probe may use (`lvsmon.model.settings`)."""

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, Field

from lvsmon import windows
from lvsmon.config.expressions import parse
from lvsmon.model import Amount, Expression
from lvsmon.model.settings import Written, duration, format_duration, shown

_NAME: Final = "[A-Za-z0-9_][A-Za-z0-9_.:@-]{0,63}"
VALID_NAME: Final = re.compile(_NAME)
_LABEL: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_PERCENT: Final = re.compile(r"(\d{1,3})%", re.ASCII)
_MOST: Final = 65535
_PORT_BEHIND: Final = re.compile(r"(?:\[(.+)\]|([^:]+)):\d+")
_UNIX_GROUP: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,30}[A-Za-z0-9_.$-]?")
"""Names that useradd(8) and directories of Windows' kind make; 32 characters is what utmp(5) holds."""

_MOST_WORKERS: Final = 64
"""More processes than any director has processors to spare."""

_LONGEST_SOCKET_PATH: Final = 100
"""Bytes: sun_path has 108 with its end (unix(7)), and the file is made as ``….new`` first."""


def between(low: str, high: str) -> Callable[[object], float]:
    """Return a reader of durations from ``low`` to ``high``, both included."""
    least, most = duration(low), duration(high)

    def read(value: object) -> float:
        seconds = duration(value)
        if not least <= seconds <= most:
            raise ValueError(f"write a duration from {low} to {high}, not {shown(value)}")
        return seconds

    return read


def _persistence(value: object) -> float:
    seconds = between("1s", "31d")(value)
    if seconds != int(seconds):
        raise ValueError(f"the kernel counts persistence in whole seconds: write none smaller, not {shown(value)}")
    return seconds


def address(value: object) -> str:
    """Return an IP address in canonical text; raise ValueError saying what to write instead."""
    if not isinstance(value, str):
        raise ValueError(f"write an IP address as a string, not {shown(value)}")  # noqa: TRY004  pydantic's way
    try:
        found = ip_address(value)
    except ValueError:
        raise ValueError(_why_no_address(value)) from None
    return _usable(found, value)


def _usable(found: IPv4Address | IPv6Address, value: str) -> str:
    if isinstance(found, IPv6Address):
        if found.scope_id:
            raise ValueError(f"IPVS knows no zone: write the address without %, not {shown(value)}")
        if found.ipv4_mapped:
            raise ValueError(f'write the IPv4 address "{found.ipv4_mapped}", not {shown(value)}')
    if found.is_multicast or found.is_unspecified or str(found) == "255.255.255.255":
        raise ValueError(f"write the address of one host, not {shown(value)}")
    return str(found)


def _why_no_address(value: str) -> str:
    if "/" in value:
        return f'write one IP address without a prefix length, such as "192.0.2.10", not {shown(value)}'
    if match := _PORT_BEHIND.fullmatch(value):
        return f'write "{match[1] or match[2]}" here and the port as port = N, not {shown(value)}'
    if re.search(r"[A-Za-z]", value) and ":" not in value:
        return f"{shown(value)} is a host name: write its IP address, for the table must not depend on DNS"
    return f'write an IP address, such as "192.0.2.10" or "2001:db8::10", not {shown(value)}'


def _interface(value: str) -> str:
    if not 1 <= len(value.encode()) <= 15 or "/" in value or value in {".", ".."} or any(map(str.isspace, value)):
        raise ValueError(f'write the name of a network interface, such as "eth1", not {shown(value)}')
    return value


def hostname(value: str) -> str:
    """Return a host name as it is sent (RFC 1123 labels, at most 253 characters); raise ValueError."""
    if not value.isascii():
        try:
            encoded = value.encode("idna").decode()
        except UnicodeError:
            encoded = "xn--…"
        raise ValueError(f'write the name as it is sent, in ASCII: "{encoded}", not {shown(value)}')
    if len(value) > 253 or not all(_LABEL.fullmatch(label) for label in value.split(".")):
        raise ValueError(f'write the bare host name that clients use, such as "shop.example.org", not {shown(value)}')
    return value


def _name(value: str) -> str:
    if not VALID_NAME.fullmatch(value):
        raise ValueError(f"write a name of at most 64 ASCII letters, digits and _ . : @ -, not {shown(value)}")
    return value


def _cron(value: str) -> str:
    try:
        windows.check(value)
    except ValueError as error:
        example = '"0 2 * * sun" for Sunday at 2:00'
        raise ValueError(f"write a cron expression, such as {example}, not {shown(value)}: {error}") from None
    return value


def _timezone(value: str) -> str:
    try:
        windows.zone(value)
    except ValueError as error:
        raise ValueError(f'write a time zone, such as "Europe/Berlin" or "UTC", not {shown(value)}: {error}') from None
    return value


def _folder(value: str) -> str:
    if not Path(value).is_absolute() or "\0" in value:
        raise ValueError(f'write an absolute path, such as "/var/lib/lvsmon", not {shown(value)}')
    return value


def _socket_path(value: str) -> str:
    if not Path(value).is_absolute() or value.endswith("/") or "\0" in value:
        raise ValueError(f'write an absolute path, such as "/run/lvsmon/control.sock", not {shown(value)}')
    if len(value.encode()) > _LONGEST_SOCKET_PATH:
        raise ValueError(f"write a path of at most {_LONGEST_SOCKET_PATH} bytes: the kernel takes no longer one")
    return value


def _unix_group(value: str) -> str:
    if not _UNIX_GROUP.fullmatch(value):
        raise ValueError(f'write the name of a group, such as "adm", not {shown(value)}')
    return value


def _unix_user(value: str) -> str:
    if not _UNIX_GROUP.fullmatch(value):
        raise ValueError(f'write the name of a user, such as "nobody", not {shown(value)}')
    return value


def _workers(value: object) -> int | str:
    if value == "auto" or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_WORKERS):
        return "auto" if isinstance(value, str) else int(value)
    raise ValueError(f'write a number of processes from 0 to {_MOST_WORKERS}, or "auto", not {shown(value)}')


def _amount(example: str, words: str) -> Callable[[object], Amount]:
    """Return a reader of a number or a share from "0%" to "100%", which are ``words``."""

    def read(value: object) -> Amount:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST:
            return Amount(value)
        if isinstance(value, str) and (match := _PERCENT.fullmatch(value)) and int(match[1]) <= 100:
            return Amount(int(match[1]), percent=True)
        raise ValueError(f'write {words}, such as "{example}", not {shown(value)}')

    return read


def _share(value: object) -> int:
    """Return the percentage in "50%"; raise ValueError."""
    if isinstance(value, str) and (match := _PERCENT.fullmatch(value)) and 1 <= int(match[1]) <= 100:
        return int(match[1])
    raise ValueError(f'write a share from "1%" to "100%", not {shown(value)}')


def _write_amount(amount: Amount) -> int | str:
    return str(amount) if amount.percent else amount.value


_OF_WEIGHT: Final = "a number of destinations, such as 2, or a share of their weight"
_OF_ALL: Final = "a number of realservers, such as 5, or a share of all of them"

Floor: TypeAlias = Annotated[Amount, Written(_amount("30%", _OF_WEIGHT), "30%", _write_amount, number=True)]
Quorum: TypeAlias = Annotated[Amount, Written(_amount("50%", _OF_WEIGHT), "50%", _write_amount, number=True)]
Failing: TypeAlias = Annotated[Amount, Written(_amount("50%", _OF_ALL), "50%", _write_amount, number=True)]
Window: TypeAlias = Annotated[float, Written(between("1s", "1h"), "30s", format_duration)]
Depends: TypeAlias = Annotated[Expression, Written(parse, "gateway and switch1")]
Share: TypeAlias = Annotated[int, Written(_share, "50%", "{}%".format)]
Ramp: TypeAlias = Annotated[float, Written(between("0s", "1d"), "1m", format_duration)]
Decay: TypeAlias = Annotated[float, Written(between("1s", "7d"), "5m", format_duration)]
Interval: TypeAlias = Annotated[float, Written(between("100ms", "1d"), "2s", format_duration)]
Confirming: TypeAlias = Annotated[float, Written(between("10ms", "1m"), "50ms", format_duration)]
Timeout: TypeAlias = Annotated[float, Written(between("10ms", "1d"), "2s", format_duration)]
Persistence: TypeAlias = Annotated[float, Written(_persistence, "10m", format_duration)]
Reconcile: TypeAlias = Annotated[float, Written(between("1s", "1h"), "10s", format_duration)]
Keep: TypeAlias = Annotated[float, Written(between("1h", "3660d"), "90d", format_duration)]
Lasting: TypeAlias = Annotated[float, Written(between("1m", "31d"), "2h", format_duration)]
CronExpression: TypeAlias = Annotated[str, AfterValidator(_cron), Field(examples=["0 2 * * sun"])]
TimeZone: TypeAlias = Annotated[str, AfterValidator(_timezone), Field(examples=["Europe/Berlin"])]
Rows: TypeAlias = Annotated[int, Field(ge=1000, le=10_000_000)]
Address: TypeAlias = Annotated[str, Written(address, "192.0.2.10")]
Hostname: TypeAlias = Annotated[str, AfterValidator(hostname), Field(examples=["shop.example.org"])]
Name: TypeAlias = Annotated[
    str, AfterValidator(_name), Field(examples=["shop"], json_schema_extra={"pattern": f"^{_NAME}$"})
]
RealserverName: TypeAlias = Annotated[
    str, AfterValidator(_name), Field(examples=["rs1"], json_schema_extra={"pattern": f"^{_NAME}$"})
]
InterfaceName: TypeAlias = Annotated[str, AfterValidator(_interface)]
Folder: TypeAlias = Annotated[str, AfterValidator(_folder), Field(examples=["/var/lib/lvsmon"])]
SocketPath: TypeAlias = Annotated[str, AfterValidator(_socket_path), Field(examples=["/run/lvsmon/control.sock"])]
UnixUser: TypeAlias = Annotated[
    str,
    AfterValidator(_unix_user),
    Field(examples=["nobody"], json_schema_extra={"pattern": f"^{_UNIX_GROUP.pattern}$"}),
]
Workers: TypeAlias = Annotated[int | str, Written(_workers, "auto", lambda value: value, number=True)]
UnixGroup: TypeAlias = Annotated[
    str, AfterValidator(_unix_group), Field(examples=["adm"], json_schema_extra={"pattern": f"^{_UNIX_GROUP.pattern}$"})
]
Count: TypeAlias = Annotated[int, Field(ge=1, le=1000)]
Confirmations: TypeAlias = Annotated[int, Field(ge=0, le=1000)]
Runs: TypeAlias = Annotated[int, Field(ge=1, le=100_000)]
Weight: TypeAlias = Annotated[int, Field(ge=0, le=65535)]
Port: TypeAlias = Annotated[int, Field(ge=1, le=65535)]
PortOrAll: TypeAlias = Annotated[int, Field(ge=0, le=65535)]
Threshold: TypeAlias = Annotated[int, Field(ge=0, le=2**31 - 1)]
