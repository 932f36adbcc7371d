"""The conversation with the kernel on a scripted socket: what is sent, what is believed, what is thrown away."""

import errno
import struct

import pytest

from lvsmon.actions.ipvs.base import AddVirtual, DeleteVirtual
from lvsmon.actions.ipvs.netlink import PER_SEND, NetlinkIpvs
from lvsmon.errors import IpvsUnavailable
from lvsmon.model import Family, VirtualKey, VirtualSettings

MARKS = [VirtualKey.of_fwmark(mark, Family.INET) for mark in range(1, 1000)]


class Kernel:
    """Sockets whose other end a test plays: ``refuse`` maps the position of a command to an errno."""

    def __init__(self):
        self.sockets = []
        self.refuse = {}
        self.family = 0
        self.handled = 0
        self.fail = []
        self.flags = []

    def open(self):
        self.sockets.append(Socket(self))
        return self.sockets[-1]


class Socket:
    def __init__(self, kernel):
        self.kernel = kernel
        self.answers = []
        self.sends = 0
        self.closed = False

    def send(self, data):
        position = 0
        self.sends += 1
        while position < len(data):
            length, kind, flags, sequence, _ = struct.unpack_from("=IHHII", data, position)
            self._handle(kind, flags, sequence)
            position += (length + 3) & ~3

    def _handle(self, kind, flags, sequence):
        if kind == 16:
            if self.kernel.family < 0:
                self._error(sequence, -self.kernel.family)
            else:
                body = struct.pack("=BBHHHH", 1, 2, 0, 6, 1, 30)
                self.answers.append(struct.pack("=IHHII", 16 + len(body), 16, 0, sequence, 0) + body)
            return
        self.kernel.flags.append(flags)
        number = self.kernel.refuse.get(self.kernel.handled, 0)
        self.kernel.handled += 1
        if number or flags & 4:
            self._error(sequence, number)
        elif flags & 0x300:
            self.answers.append(struct.pack("=IHHIIi", 20, 3, 2, sequence, 0, 0))

    def _error(self, sequence, number):
        self.answers.append(struct.pack("=IHHIIi", 20, 2, 0, sequence, 0, -number))

    def recv(self, _limit):
        if self.kernel.fail and self.kernel.fail[0] is not None:
            raise self.kernel.fail.pop(0)
        if self.kernel.fail:
            self.kernel.fail.pop(0)
        if not self.answers:
            raise BlockingIOError(errno.EAGAIN, "timed out")
        return self.answers.pop(0)

    def close(self):
        self.closed = True


@pytest.fixture
def kernel():
    return Kernel()


@pytest.fixture
def ipvs(kernel):
    return NetlinkIpvs(kernel.open)


def commands(count):
    return [AddVirtual(key, VirtualSettings()) for key in MARKS[:count]]


def test_nothing_is_opened_before_the_first_call(kernel, ipvs):
    ipvs.close()
    assert kernel.sockets == []


def test_many_commands_go_in_few_sends_and_only_the_last_of_each_asks_for_an_answer(kernel, ipvs):
    assert ipvs.apply(commands(450)) == [None] * 450
    assert kernel.sockets[0].sends == 1 + 3
    assert [position for position, flags in enumerate(kernel.flags) if flags & 4] == [199, 399, 449]
    assert PER_SEND == 200


def test_each_refusal_finds_its_command(kernel, ipvs):
    kernel.refuse = {0: errno.EEXIST, 5: errno.ESRCH, 199: errno.EEXIST, 200: errno.EINVAL}
    errors = ipvs.apply(commands(203))
    assert {at: error.errno for at, error in enumerate(errors) if error} == kernel.refuse
    assert errors[5].command == "ipvsadm -A -f 6 -s wlc"


def test_no_commands_are_no_traffic(kernel, ipvs):
    assert ipvs.apply([]) == []
    assert kernel.sockets == []


def test_lost_answers_throw_the_socket_away_and_say_what_is_in_doubt(kernel, ipvs):
    """What was answered before the overflow is known; the rest is not; the next call opens a new socket."""
    kernel.refuse = {0: errno.EEXIST}
    kernel.fail = [None, None, OSError(errno.ENOBUFS, "No buffer space available")]
    errors = ipvs.apply(commands(3))
    assert [error.errno for error in errors] == [errno.EEXIST, errno.ENOBUFS, errno.ENOBUFS]
    assert "not known whether it was done" in str(errors[1])
    assert kernel.sockets[0].closed
    assert ipvs.apply(commands(1)) == [None]
    assert len(kernel.sockets) == 2


def test_a_silent_kernel_ends_in_an_error_and_not_in_waiting(kernel, ipvs):
    """EAGAIN is what SO_RCVTIMEO makes of silence."""
    kernel.fail = [None, BlockingIOError(errno.EAGAIN, "timed out")]
    errors = ipvs.apply(commands(1))
    assert [error.errno for error in errors] == [errno.ETIMEDOUT]
    kernel.fail = [None, BlockingIOError(errno.EAGAIN, "timed out")]
    with pytest.raises(IpvsUnavailable, match="did not answer a question about IPVS in time"):
        ipvs.dump()
    assert all(sock.closed for sock in kernel.sockets)


def test_a_dump_whose_answer_was_lost_is_asked_for_once_more(kernel, ipvs):
    kernel.fail = [None, OSError(errno.ENOBUFS, "No buffer space available")]
    assert ipvs.dump() == {}
    kernel.fail = [OSError(errno.ENOBUFS, "full"), None, OSError(errno.ENOBUFS, "full")]
    with pytest.raises(IpvsUnavailable, match="no memory"):
        ipvs.dump()


def test_a_family_that_was_loaded_anew_is_looked_up_again(kernel, ipvs):
    """A stale family number is answered ENOENT; so is an absent module, and that is then said."""
    kernel.refuse = {0: errno.ENOENT}
    assert ipvs.dump() == {}
    assert len(kernel.sockets) == 2
    kernel.refuse = {2: errno.ENOENT}
    kernel.family = -errno.ENOENT
    with pytest.raises(IpvsUnavailable, match="modprobe ip_vs"):
        ipvs.dump()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOENT, "IPVS is not in this kernel yet: run `modprobe ip_vs` as root"),
        (errno.EPERM, "AmbientCapabilities=CAP_NET_ADMIN in the systemd unit"),
    ],
)
def test_an_absent_module_and_a_missing_right_say_what_to_do(kernel, ipvs, number, words):
    kernel.family = -number
    for call in (ipvs.info, ipvs.dump, lambda: ipvs.get(MARKS[0]), lambda: ipvs.apply(commands(1))):
        with pytest.raises(IpvsUnavailable) as caught:
            call()
        assert words in str(caught.value)
        assert caught.value.errno == number
    assert all(sock.closed for sock in kernel.sockets)


def test_a_right_that_was_taken_away_is_no_refusal_of_a_command(kernel, ipvs):
    kernel.refuse = {0: errno.EPERM, 1: errno.EPERM}
    with pytest.raises(IpvsUnavailable, match="CAP_NET_ADMIN"):
        ipvs.apply(commands(2))


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EAFNOSUPPORT, "no netlink sockets"),
        (errno.EPROTONOSUPPORT, "no generic netlink"),
        (errno.EMFILE, "Too many open files"),
    ],
)
def test_a_socket_that_cannot_be_opened_is_unavailable(number, words):
    def refuse():
        raise OSError(number, "no")

    with pytest.raises(IpvsUnavailable, match=words):
        NetlinkIpvs(refuse).dump()


def test_get_of_what_is_not_there_is_none(kernel, ipvs):
    kernel.refuse = {0: errno.ESRCH}
    assert ipvs.get(MARKS[0]) is None
    kernel.refuse = {1: errno.EINVAL}
    with pytest.raises(IpvsUnavailable, match="Invalid argument"):
        ipvs.get(MARKS[0])


def test_answers_to_older_questions_are_passed_over(kernel, ipvs):
    """What is left in the queue of a conversation that ended early belongs to nobody."""
    ipvs.apply(commands(1))
    sock = kernel.sockets[0]
    sock.answers.append(struct.pack("=IHHIIi", 20, 2, 0, 999, 0, -errno.EINVAL))
    assert ipvs.dump() == {}
    sock.answers.append(struct.pack("=IHHIIi", 20, 2, 0, 999, 0, -errno.EINVAL))
    assert ipvs.apply([DeleteVirtual(MARKS[0])]) == [None]
