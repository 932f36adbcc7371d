"""Commands as a person would type them for ipvsadm 1.31; options stand in the order of its own ``ipvsadm -S``."""

from ipaddress import IPv4Network
from typing import Final

from lvsmon.actions.ipvs.base import (
    AddDestination,
    AddVirtual,
    Command,
    DeleteDestination,
    DeleteVirtual,
    EditDestination,
    EditVirtual,
)
from lvsmon.actions.ipvs.kernel import canonical, canonical_destination
from lvsmon.model import DestinationSettings, Family, Forward, Protocol, TunnelType, VirtualKey, VirtualSettings

_PROTOCOL_OPTION: Final = {Protocol.TCP: "-t", Protocol.UDP: "-u", Protocol.SCTP: "--sctp-service"}
_FORWARD_OPTION: Final = {
    Forward.MASQ: "-m",
    Forward.ROUTE: "-g",
    Forward.TUNNEL: "-i",
    Forward.LOCAL: "-g",
}  # as -S shows
_CHECKSUM_OPTION: Final = {"none": "--tun-nocsum", "full": "--tun-csum", "remote": "--tun-remcsum"}
_VERB: Final[dict[type, str]] = {
    AddVirtual: "-A",
    EditVirtual: "-E",
    DeleteVirtual: "-D",
    AddDestination: "-a",
    EditDestination: "-e",
    DeleteDestination: "-d",
}


def ipvsadm(command: Command) -> str:
    """Return the ipvsadm command line that does what ``command`` does."""
    verb = f"ipvsadm {_VERB[type(command)]}"
    match command:
        case AddVirtual(key, settings) | EditVirtual(key, settings):
            return " ".join([verb, _virtual(key), *_virtual_options(key, settings)])
        case DeleteVirtual(key):
            return f"{verb} {_virtual(key)}"
        case AddDestination(virtual, to, wanted) | EditDestination(virtual, to, wanted):
            return " ".join([verb, _virtual(virtual), "-r", str(to), *_destination_options(wanted)])
        case DeleteDestination(virtual, to):
            return f"{verb} {_virtual(virtual)} -r {to}"


def _virtual(key: VirtualKey) -> str:
    if key.protocol is None:
        return f"-f {key.fwmark}" + (" -6" if key.family is Family.INET6 else "")
    host = f"[{key.address}]" if key.family is Family.INET6 else key.address
    return f"{_PROTOCOL_OPTION[key.protocol]} {host}:{key.port}"


def _virtual_options(key: VirtualKey, given: VirtualSettings) -> list[str]:
    settings = canonical(key, given)
    words = ["-s", settings.scheduler]
    if settings.persistence:
        words += ["-p", str(settings.persistence)]
        if settings.prefix is not None:
            words += ["-M", _netmask(key.family, settings.prefix)]
    if settings.pe_name is not None:
        words += ["--pe", settings.pe_name]
    if "ops" in settings.flags:
        words.append("-o")
    if flags := sorted(settings.flags - {"ops"}):
        words += ["-b", ",".join(flags)]
    return words


def _netmask(family: Family, prefix: int) -> str:
    return str(prefix) if family is Family.INET6 else str(IPv4Network((0, prefix)).netmask)


def _destination_options(given: DestinationSettings) -> list[str]:
    settings = canonical_destination(given)
    words = [_FORWARD_OPTION[settings.forward]] if settings.forward in _FORWARD_OPTION else []
    words += ["-w", str(settings.weight)]
    tunnel = settings.tunnel
    if tunnel is not None and tunnel.type is not TunnelType.IPIP:
        words += ["--tun-type", tunnel.type]
        if tunnel.type is TunnelType.GUE:
            words += ["--tun-port", str(tunnel.port)]
        words.append(_CHECKSUM_OPTION[tunnel.checksum])
    if settings.upper_threshold:
        words += ["-x", str(settings.upper_threshold)]
    if settings.lower_threshold:
        words += ["-y", str(settings.lower_threshold)]
    return words
