"""Every refusal says in words what is wrong and, where something can be done, what."""

import errno

import pytest

from lvsmon.actions.ipvs.base import AddDestination, AddVirtual, DeleteDestination, DeleteVirtual, EditDestination
from lvsmon.actions.ipvs.failures import look_again, refusal, unavailable
from lvsmon.model import DestinationKey, DestinationSettings, Protocol, VirtualKey, VirtualSettings

WEB = VirtualKey.of_address(Protocol.TCP, "192.0.2.10", 443)
RS = DestinationKey("10.1.0.11", 443)
ADD = AddVirtual(WEB, VirtualSettings(scheduler="wlc"))
ADD_TO = AddDestination(WEB, RS, DestinationSettings())


@pytest.mark.parametrize(
    ("number", "command", "words"),
    [
        (errno.ENOENT, ADD, "the kernel does not know the scheduler wlc: run `modprobe -a ip_vs_wlc` (ENOENT)"),
        (
            errno.ENOENT,
            AddVirtual(WEB, VirtualSettings("rr", persistence=60, pe_name="sip")),
            (
                "the kernel does not know the scheduler rr or the persistence engine sip: "
                "run `modprobe -a ip_vs_rr ip_vs_pe_sip` (ENOENT)"
            ),
        ),
        (errno.ESRCH, ADD_TO, "there is no such virtual service (ESRCH)"),
        (errno.ENOENT, DeleteDestination(WEB, RS), "there is no such destination (ENOENT)"),
        (errno.EEXIST, ADD, "it is there already (EEXIST)"),
        (errno.ERANGE, ADD_TO, "the lower threshold is over the upper one, or the weight over 2147483647 (ERANGE)"),
        (errno.EINVAL, ADD_TO, "the kernel takes no such destination"),
        (errno.EINVAL, ADD, "the persistence prefix of IPv6 goes from 1 to 128 (EINVAL)"),
        (errno.EAFNOSUPPORT, ADD, "this kernel was built without IPVS for IPv6 (CONFIG_IP_VS_IPV6) (EAFNOSUPPORT)"),
        (errno.ENOBUFS, ADD_TO, "not known whether it was done"),
        (errno.ENOMEM, DeleteVirtual(WEB), "Cannot allocate memory (ENOMEM)"),
        (errno.ENOMEM, ADD, "Cannot allocate memory (ENOMEM)"),
        (9999, DeleteDestination(WEB, RS), "(9999)"),
    ],
)
def test_refusals(number, command, words):
    error = refusal(number, command)
    assert words in str(error)
    assert str(error).startswith(error.command + ": ")
    assert error.errno == number


def test_an_unknown_scheduler_is_no_reason_to_look_again():
    assert not look_again(refusal(errno.ENOENT, ADD), ADD)
    edit = EditDestination(WEB, RS, DestinationSettings())
    for number in (errno.ENOENT, errno.ESRCH, errno.EEXIST, errno.ENOBUFS, errno.ETIMEDOUT):
        assert look_again(refusal(number, edit), edit)
    assert not look_again(refusal(errno.EINVAL, edit), edit)


def test_unavailable_has_a_sentence_for_any_errno():
    assert str(unavailable(errno.EIO)) == "IPVS cannot be reached: Input/output error"
    assert unavailable(errno.EBADMSG).errno == errno.EBADMSG
