"""Rules of one virtual service: its identity, scheduler, flags and persistence."""

from collections.abc import Mapping
from typing import Final

from lvsmon.config.cascade import Layer
from lvsmon.config.complaints import Complaints, Where
from lvsmon.config.schema import VirtualSection
from lvsmon.model import Family, Protocol, VirtualKey, VirtualSettings
from lvsmon.model.settings import shown

_FLAGS_OF: Final[Mapping[str, str]] = {
    "sh-fallback": "sh",
    "sh-port": "sh",
    "mh-fallback": "mh",
    "mh-port": "mh",
}
_NUMBERED: Final = {"flag-1": "fallback", "flag-2": "port"}


def key_of(virtual: VirtualSection, settings: Layer, where: Where, complaints: Complaints) -> VirtualKey | None:
    """Return the identity of ``virtual``; None after adding a complaint."""
    if virtual.fwmark is not None:
        if virtual.vip is not None:
            complaints.add(where.at("fwmark"), "a virtual service has a vip or a fwmark, not both: leave one out")
            return None
        if virtual.protocol is not None:
            complaints.add(where.at("protocol"), "leave it out: a firewall mark gathers packets of any protocol")
        return VirtualKey.of_fwmark(virtual.fwmark, Family.INET6 if virtual.family == "inet6" else Family.INET)
    if virtual.vip is None:
        complaints.add(where.at("vip"), 'missing: write for example vip = "192.0.2.10" and a port, or fwmark = 1')
        return None
    if virtual.family is not None:
        complaints.add(where.at("family"), "leave it out: the vip says it; it is for a fwmark")
    port = settings["port"]
    if port.value is None:
        complaints.add(where.at("port"), "missing: write for example port = 80")
        return None
    if port.value == 0 and virtual.persistence is None:
        complaints.add(
            port.where or where,
            'port 0 (all ports) needs persistence: write for example persistence = "5m", or the one port',
        )
    return VirtualKey.of_address(Protocol(virtual.protocol or "tcp"), virtual.vip, port.value)


def settings_of(virtual: VirtualSection, settings: Layer, where: Where, complaints: Complaints) -> VirtualSettings:
    """Return what the kernel keeps of ``virtual``."""
    scheduler = str(settings["scheduler"].value)
    for number, flag in enumerate(virtual.flags):
        _check_flag(virtual, scheduler, flag, where.at("flags", number), complaints)
    _check_persistence(virtual, where, complaints)
    whole = 128 if _family(virtual) is Family.INET6 else 32
    return VirtualSettings(
        scheduler=scheduler,
        flags=frozenset(virtual.flags),
        persistence=int(virtual.persistence or 0),
        prefix=None if virtual.persistence_prefix == whole else virtual.persistence_prefix,
        pe_name=virtual.persistence_engine,
    )


def _family(virtual: VirtualSection) -> Family:
    if virtual.vip is not None:
        return Family.of(virtual.vip)
    return Family.INET6 if virtual.family == "inet6" else Family.INET


def _check_flag(virtual: VirtualSection, scheduler: str, flag: str, where: Where, complaints: Complaints) -> None:
    wanted = _FLAGS_OF.get(flag)
    if wanted is not None and wanted != scheduler:
        complaints.add(
            where, f"{shown(flag)} is a flag of scheduler {shown(wanted)}, and this one is {shown(scheduler)}"
        )
    if flag in _NUMBERED and scheduler in _FLAGS_OF.values():
        proper = f"{scheduler}-{_NUMBERED[flag]}"
        complaints.add(where, f"write {shown(proper)}: with scheduler {shown(scheduler)} this flag has a name")
    if flag == "ops" and virtual.vip is not None and virtual.protocol != "udp":
        complaints.add(where, '"ops" (one-packet scheduling) works with UDP only: leave it out')
    if flag == "ops" and virtual.persistence is not None:
        complaints.add(where, '"ops" (one-packet scheduling) and persistence exclude each other: leave one out')


def _check_persistence(virtual: VirtualSection, where: Where, complaints: Complaints) -> None:
    prefix, engine = virtual.persistence_prefix, virtual.persistence_engine
    for key, value in (("persistence_prefix", prefix), ("persistence_engine", engine)):
        if value is not None and virtual.persistence is None:
            complaints.add(where.at(key), 'works with persistence only: write for example persistence = "5m"')
    if prefix is not None and prefix > 32 and _family(virtual) is Family.INET:
        complaints.add(where.at("persistence_prefix"), f"write a prefix length from 1 to 32 for IPv4, not {prefix}")
    if engine == "sip" and virtual.vip is not None and virtual.protocol != "udp":
        complaints.add(where.at("persistence_engine"), 'the engine "sip" works with UDP only: leave it out')
