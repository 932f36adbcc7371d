"""From the kernel's errno to a sentence that says what to load, to grant or to write."""

import errno
import os
from typing import Final

from lvsmon.actions.ipvs.base import AddDestination, AddVirtual, Command, EditDestination, EditVirtual
from lvsmon.actions.ipvs.notation import ipvsadm
from lvsmon.errors import IpvsError, IpvsUnavailable

_NO_MODULE: Final = (
    "IPVS is not in this kernel yet: run `modprobe ip_vs` as root, and write ip_vs into /etc/modules-load.d/ipvs.conf "
    "so that it is there after a restart (in a container: on the host)"
)
_NO_CAPABILITY: Final = (
    "no permission to use IPVS: the capability CAP_NET_ADMIN is needed. Run as root, or grant it: "
    "AmbientCapabilities=CAP_NET_ADMIN in the systemd unit, --cap-add NET_ADMIN for a container"
)
_UNAVAILABLE: Final = {
    errno.ENOENT: _NO_MODULE,
    errno.EPERM: _NO_CAPABILITY,
    errno.EACCES: _NO_CAPABILITY,
    errno.EAFNOSUPPORT: "this kernel has no netlink sockets: IPVS cannot be reached (CONFIG_NET)",
    errno.EPROTONOSUPPORT: "this kernel has no generic netlink: IPVS cannot be reached",
    errno.ETIMEDOUT: "the kernel did not answer a question about IPVS in time; it will be asked again",
    errno.ENOBUFS: "the kernel had no memory for its answer about IPVS; it will be asked again",
    errno.EBADMSG: "the kernel's answer about IPVS cannot be read: please report this with the output of `uname -r`",
}
_LOST: Final = frozenset({errno.ENOBUFS, errno.ETIMEDOUT})
_STALE: Final = frozenset({errno.ENOENT, errno.ESRCH, errno.EEXIST})


def unavailable(number: int) -> IpvsUnavailable:
    """Return the error for an errno that means that nothing at all can be asked of IPVS."""
    text = _UNAVAILABLE.get(number, f"IPVS cannot be reached: {os.strerror(number)}")
    return IpvsUnavailable(number, "", text)


def refusal(number: int, command: Command) -> IpvsError:
    """Return the error for one refused command."""
    return IpvsError(number, ipvsadm(command), f"{_sentence(number, command)} ({errno.errorcode.get(number, number)})")


def look_again(error: IpvsError, command: Command) -> bool:
    """Say whether ``error`` only means that the table is not what it was thought to be.

    ENOENT for a virtual service is another matter: the kernel does not know its scheduler.
    """
    if error.errno == errno.ENOENT and isinstance(command, AddVirtual | EditVirtual):
        return False
    return error.errno in _STALE or error.errno in _LOST


def _sentence(number: int, command: Command) -> str:
    if number in _LOST:
        return "not known whether it was done, the kernel's answer was lost"
    if number == errno.ESRCH:
        return "there is no such virtual service"
    if number == errno.EEXIST:
        return "it is there already"
    if number == errno.EAFNOSUPPORT:
        return "this kernel was built without IPVS for IPv6 (CONFIG_IP_VS_IPV6)"
    if isinstance(command, AddVirtual | EditVirtual):
        return _virtual_sentence(number, command)
    if number == errno.ENOENT:
        return "there is no such destination"
    if isinstance(command, AddDestination | EditDestination):
        if number == errno.ERANGE:
            return "the lower threshold is over the upper one, or the weight over 2147483647"
        if number == errno.EINVAL:
            return (
                "the kernel takes no such destination: the address must be a unicast one, of the other family only "
                "with forward = tunnel (and no IPVS sync daemon running), and a GUE tunnel needs a port"
            )
    return os.strerror(number)


def _virtual_sentence(number: int, command: AddVirtual | EditVirtual) -> str:
    settings = command.settings
    if number == errno.ENOENT:
        modules = f"ip_vs_{settings.scheduler}"
        what = f"the scheduler {settings.scheduler}"
        if settings.pe_name:
            modules += f" ip_vs_pe_{settings.pe_name}"
            what += f" or the persistence engine {settings.pe_name}"
        return f"the kernel does not know {what}: run `modprobe -a {modules}`"
    if number == errno.EINVAL:
        return "the kernel takes no such virtual service: the persistence prefix of IPv6 goes from 1 to 128"
    return os.strerror(number)
