"""The stand-in answers as the kernel does, and fails where a test wants it to."""

import errno

import pytest

from lvsmon.actions.ipvs.base import AddVirtual, DeleteVirtual
from lvsmon.actions.ipvs.memory import MemoryIpvs
from lvsmon.actions.ipvs.open import open_ipvs
from lvsmon.errors import IpvsUnavailable
from lvsmon.model import VirtualSettings
from lvsmon.testing.ipvs_conformance import RS1, WEB, IpvsConformance, everything


class TestMemory(IpvsConformance):
    @pytest.fixture
    def ipvs(self):
        return open_ipvs("memory")


def test_an_unknown_backend_is_named_with_those_that_there_are():
    with pytest.raises(ValueError, match="no IPVS backend 'ipvsadm': write one of netlink, pyroute2, memory"):
        open_ipvs("ipvsadm")


def test_refusals_are_as_many_as_asked_for_and_change_nothing():
    ipvs = MemoryIpvs()
    ipvs.refuse(errno.ENOBUFS, lambda command: isinstance(command, AddVirtual))
    add = AddVirtual(WEB, VirtualSettings())
    refused, done = ipvs.apply([add, add])
    assert refused is not None
    assert refused.errno == errno.ENOBUFS
    assert done is None
    assert ipvs.written == [add]


def test_a_torn_dump_misses_what_get_sees_and_the_next_dump_has():
    ipvs = MemoryIpvs()
    ipvs.apply(everything())
    ipvs.torn = {WEB}
    assert WEB not in ipvs.dump()
    assert ipvs.get(WEB) is not None
    ipvs.torn = {(WEB, RS1)}
    assert RS1 not in ipvs.dump()[WEB].destinations
    assert RS1 in ipvs.dump()[WEB].destinations


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EPERM])
def test_everything_can_be_unavailable(number):
    ipvs = MemoryIpvs()
    ipvs.unavailable = number
    for call in (ipvs.info, ipvs.dump, lambda: ipvs.get(WEB), lambda: ipvs.apply([DeleteVirtual(WEB)])):
        with pytest.raises(IpvsUnavailable) as caught:
            call()
        assert caught.value.errno == number
