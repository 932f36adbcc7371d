"""The pyroute2 backend beside its kernel tests: what ends a conversation, and that nothing waits for ever."""

import errno
import threading

import pytest
from pyroute2.netlink.exceptions import NetlinkError

from lvsmon.actions.ipvs import pyroute2_backend
from lvsmon.actions.ipvs.base import AddVirtual
from lvsmon.actions.ipvs.pyroute2_backend import Pyroute2Ipvs
from lvsmon.errors import IpvsUnavailable
from lvsmon.model import Family, VirtualKey, VirtualSettings

ADD = AddVirtual(VirtualKey.of_fwmark(7, Family.INET), VirtualSettings())


class Library:
    """Stands for pyroute2.IPVS: ``answer`` is called for each question."""

    def __init__(self, answer):
        self.answer = answer
        self.opened = []
        self.closed = 0

    def __call__(self):
        self.opened.append(threading.get_ident())
        return self

    def service(self, verb, service=None):
        return self.answer(verb)

    def close(self):
        self.closed += 1


@pytest.fixture
def library(monkeypatch):
    def put(answer):
        made = Library(answer)
        monkeypatch.setattr(pyroute2_backend, "_QuietIpvs", made)
        return made

    return put


def refusing(number):
    def answer(verb):
        raise NetlinkError(number, "scripted")

    return answer


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOENT, "modprobe ip_vs"), (errno.EPERM, "AmbientCapabilities=CAP_NET_ADMIN")]
)
def test_an_absent_module_and_a_missing_right_say_what_to_do(library, number, words):
    library(refusing(number))
    ipvs = Pyroute2Ipvs()
    for call in (ipvs.info, ipvs.dump, lambda: ipvs.get(ADD.key)):
        with pytest.raises(IpvsUnavailable, match=words):
            call()
    ipvs.close()


def test_a_refusal_is_one_commands(library):
    made = library(lambda _: None)
    ipvs = Pyroute2Ipvs()
    assert ipvs.apply([ADD]) == [None]
    made.answer = refusing(errno.EEXIST)
    assert [error.errno for error in ipvs.apply([ADD])] == [errno.EEXIST]
    made.answer = refusing(errno.EPERM)
    with pytest.raises(IpvsUnavailable, match="CAP_NET_ADMIN"):
        ipvs.apply([ADD])
    ipvs.close()
    assert (len(made.opened), made.closed) == (1, 1)


def test_a_silent_kernel_ends_in_an_error_and_not_in_waiting(library, monkeypatch):
    """The thread that waits is left behind; the next call has a new one."""
    monkeypatch.setattr(pyroute2_backend, "TIMEOUT", 0.05)
    monkeypatch.setattr(pyroute2_backend, "_JOIN", 0.01)
    end = threading.Event()
    made = library(lambda _: end.wait(30))
    ipvs = Pyroute2Ipvs()
    with pytest.raises(IpvsUnavailable, match="did not answer"):
        ipvs.dump()
    assert [error.errno for error in ipvs.apply([ADD])] == [errno.ETIMEDOUT]
    end.set()
    made.answer = lambda _: []
    assert ipvs.dump() == {}
    ipvs.close()
    assert len(set(made.opened)) == len(made.opened) == 3


def test_a_lost_socket_is_opened_again(library):
    made = library(refusing(errno.ESRCH))
    ipvs = Pyroute2Ipvs()
    assert ipvs.get(ADD.key) is None

    def reset(verb):
        raise ConnectionResetError(errno.ECONNRESET, "scripted")

    made.answer = reset
    with pytest.raises(IpvsUnavailable, match="Connection reset"):
        ipvs.dump()
    made.answer = lambda _: []
    assert ipvs.dump() == {}
    ipvs.close()
    assert made.closed == 2
