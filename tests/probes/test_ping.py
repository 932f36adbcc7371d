"""ping: what counts as an answer, and what so many answers make, on virtual time."""

import pytest

from lvsmon.errors import ConnectFailed, LocalFault
from lvsmon.model import Reason, Target, Verdict
from lvsmon.probes.ping import PingProbe
from lvsmon.testing.network import ScriptedConnector, ScriptedEcho, run_scripted

UNREACHABLE = ConnectFailed("192.0.2.254 says: host unreachable", Reason.UNREACHABLE)


def ping(settings, *fates, address="192.0.2.1", timeout=5.0):
    return run_scripted(PingProbe(**settings), Target(address=address, port=0), ScriptedConnector(pings=fates), timeout)


PASS, WARN = (Verdict.PASS, Reason.OK), (Verdict.WARN, Reason.DEGRADED)
LOST, LIMIT = (Verdict.FAIL, Reason.DEADLINE), (Verdict.FAIL, Reason.EXPECTATION)


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
@pytest.mark.parametrize(
    ("settings", "fates", "wanted", "sent"),
    [
        # Only an answer is wanted: the first ends the run, the others are spares.
        ({}, [0.01], PASS, 1),
        ({}, [None, 0.01], PASS, 2),
        ({}, [None, None, 0.99], PASS, 3),
        ({}, [None, None, 1.01], LOST, 3),
        ({}, [1.3, None, None], PASS, 3),
        ({}, [], LOST, 3),
        ({"count": 1}, [None, 0.01], LOST, 1),
        # Shares of loss: as many percent as the limit, or more.
        ({"fail_loss": 50, "count": 4}, [0.01, 0.01, None, 0.01], PASS, 4),
        ({"fail_loss": 50, "count": 4}, [0.01, None, None, 0.01], LIMIT, 4),
        ({"fail_loss": 1}, [0.01, 0.01, 0.01], PASS, 3),
        ({"fail_loss": 1}, [0.01, 0.01, None], LIMIT, 3),
        ({"warn_loss": 1}, [0.01, None, 0.01], WARN, 3),
        ({"warn_loss": 1}, [0.01, 0.01, 0.01], PASS, 3),
        ({"warn_loss": 1}, [], LOST, 3),
        ({"fail_loss": 100, "warn_loss": 99, "count": 100, "spacing": 0.01}, [*[None] * 99, 0.01], WARN, 100),
        # Round trips: the average over what was answered.
        ({"fail_rtt": 0.1}, [0.09, 0.09, 0.09], PASS, 3),
        ({"fail_rtt": 0.1}, [0.05, 0.05, 0.18], PASS, 3),
        ({"fail_rtt": 0.1}, [0.1, 0.1, 0.18], LIMIT, 3),
        ({"fail_rtt": 0.1}, [0.05, None, None], PASS, 3),
        ({"fail_rtt": 0.1}, [], LOST, 3),
        ({"warn_rtt": 0.1}, [0.2, 0.2, 0.2], WARN, 3),
        ({"warn_rtt": 0.1, "fail_rtt": 0.2}, [0.3, 0.3, 0.3], LIMIT, 3),
        # Errors that come back count as lost; an answer still counts.
        ({}, [UNREACHABLE, 0.01], PASS, 2),
        ({}, [UNREACHABLE] * 3, (Verdict.FAIL, Reason.UNREACHABLE), 3),
        ({"fail_loss": 30}, [0.01, UNREACHABLE, 0.01], LIMIT, 3),
        ({}, [LocalFault("no", Reason.LOCAL_NETWORK)], (Verdict.UNKNOWN, Reason.LOCAL_NETWORK), None),
    ],
)
def test_answers_make_a_verdict(settings, fates, wanted, sent, address):
    outcome = ping(settings, *fates, address=address)
    assert wanted == (outcome.verdict, outcome.reason), outcome
    assert sent == outcome.facts.get("sent")


def test_facts_and_words():
    outcome = ping({"warn_loss": 1}, 0.01, UNREACHABLE, 0.03)
    assert {"sent": 3, "answered": 2, "loss": 33, "rtt": 0.02, "rtt_max": 0.03} == {
        name: round(value, 6) for name, value in outcome.facts.items()
    }
    assert "2 of 3 echo requests answered, 20 ms on average; 192.0.2.254 says: host unreachable" == outcome.detail


def test_one_answer_of_a_thousandth_is_not_all_lost():
    assert 99 == ping({"count": 100, "spacing": 0.01, "warn_loss": 99}, 0.001).facts["loss"]


class Mirror(ScriptedEcho):
    """Answers each request with what ``make`` makes of it."""

    make = staticmethod(lambda message: [message])

    async def send(self, message):
        answer = b"\0" + message[1:]
        self._coming += [(self._clock.now, altered) for altered in self.make(answer)]


@pytest.mark.parametrize(
    ("make", "wanted", "altered"),
    [
        (lambda answer: [answer, answer, answer], PASS, None),
        (lambda answer: [answer[:-1] + b"?"], (Verdict.FAIL, Reason.PROTOCOL), 3),
        (lambda answer: [answer[:20]], (Verdict.FAIL, Reason.PROTOCOL), 3),
        (lambda answer: [answer + b"x"], (Verdict.FAIL, Reason.PROTOCOL), 3),
        (lambda answer: [answer[:6] + b"\xff\xff" + answer[8:]], (Verdict.FAIL, Reason.PROTOCOL), 3),
        (lambda answer: [b"\x08" + answer[1:]], (Verdict.FAIL, Reason.PROTOCOL), 3),
        (lambda answer: [b"", answer], PASS, 1),
    ],
)
def test_only_what_was_sent_is_an_answer(monkeypatch, make, wanted, altered):
    """Cut, changed or foreign data is no answer; the same answer twice is one."""
    monkeypatch.setattr(Mirror, "make", staticmethod(make))
    monkeypatch.setattr("lvsmon.testing.network.connector.ScriptedEcho", Mirror)
    outcome = ping({})
    assert wanted == (outcome.verdict, outcome.reason)
    assert altered == outcome.facts.get("altered")


def test_a_wait_beyond_the_deadline_is_cut_so_that_a_loss_can_still_pass():
    outcome = ping({"wait": 60.0, "fail_loss": 50}, 0.01, 0.01, None, timeout=2.0)
    assert PASS == (outcome.verdict, outcome.reason)


def test_more_requests_than_the_deadline_holds_are_our_fault():
    outcome = ping({"count": 10, "spacing": 1.0}, *[0.01] * 10, timeout=3.0)
    assert Verdict.UNKNOWN is outcome.verdict
    assert "do not fit into the run's timeout" in outcome.detail


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"count": 0}, "count:"),
        ({"count": 101}, "count:"),
        ({"spacing": 0.001}, "spacing:"),
        ({"wait": 0.0}, "wait:"),
        ({"size": 15}, "size:"),
        ({"size": 65508}, "size:"),
        ({"fail_loss": 0}, "fail_loss:"),
        ({"fail_loss": 101}, "fail_loss:"),
        ({"warn_loss": 0}, "warn_loss:"),
        ({"warn_loss": 100}, "warn_loss: it must be less than fail_loss"),
        ({"warn_loss": 50, "fail_loss": 50}, "warn_loss: it must be less than fail_loss"),
        ({"fail_rtt": 0.0}, "fail_rtt:"),
        ({"warn_rtt": 0.2, "fail_rtt": 0.2}, "warn_rtt: it must be less than fail_rtt"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, says):
    with pytest.raises(ValueError, match=says):
        PingProbe(**settings)
