"""One run: the deadline, whose fault an exception is, and what the director's own stalls mean."""

import asyncio
import socket
from dataclasses import dataclass
from typing import ClassVar

import pytest

from lvsmon.errors import ConnectFailed, ExpectationFailed, LocalFault
from lvsmon.model import Reason, Target, Verdict
from lvsmon.monitor.runner import run
from lvsmon.net.nested import in_reactor
from lvsmon.probes.tcp import TcpProbe


@dataclass(frozen=True)
class Scripted:
    """A kind that does what the test says."""

    does: object
    kind: ClassVar[str] = "scripted"
    uses_hostname: ClassVar[bool] = False

    async def check(self, target, ctx, /):
        return await self.does(target, ctx)


def outcome_of(does, timeout=0.2, target=None, **more):
    async def main():
        probe = does if isinstance(does, TcpProbe) else Scripted(does)
        return await in_reactor(
            lambda engine: run(probe, target or Target(address="127.0.0.1", port=1), timeout, engine, **more)
        )

    return asyncio.run(main())


async def hang(target, ctx):
    await ctx.net.pause(3600)


def raising(error):
    async def does(target, ctx):
        raise error

    return does


@pytest.mark.parametrize(
    ("error", "verdict", "reason"),
    [
        (ExpectationFailed("wanted 200, got 500"), Verdict.FAIL, Reason.EXPECTATION),
        (LocalFault("EMFILE", Reason.LOCAL_RESOURCES), Verdict.UNKNOWN, Reason.LOCAL_RESOURCES),
    ],
)
def test_an_error_says_whose_fault_it_is(error, verdict, reason):
    outcome = outcome_of(raising(error))
    assert (verdict, reason, str(error)) == (outcome.verdict, outcome.reason, outcome.detail)


@pytest.mark.parametrize("error", [KeyError("x"), ZeroDivisionError(), TimeoutError("not ours"), OSError(5, "x")])
def test_a_bug_of_ours_is_unknown_and_logged(error, caplog):
    outcome = outcome_of(raising(error))
    assert (Verdict.UNKNOWN, Reason.PROBE_BUG) == (outcome.verdict, outcome.reason)
    assert type(error).__name__ in caplog.records[0].fields["traceback"]


def test_the_deadline_bounds_a_run_and_names_the_phase():
    outcome = outcome_of(hang)
    assert (Verdict.FAIL, Reason.DEADLINE) == (outcome.verdict, outcome.reason)
    assert "no answer within 0.2 s: still starting" == outcome.detail
    assert 0.2 <= outcome.phases.total < 0.3


def test_a_deadline_missed_while_the_director_stood_still_is_unknown():
    stalls = iter([10.0, 10.1])
    outcome = outcome_of(hang, stalled=lambda: next(stalls))
    assert (Verdict.UNKNOWN, Reason.STARVED) == (outcome.verdict, outcome.reason)


@pytest.mark.parametrize(
    ("reason", "lost", "expected"),
    [
        (Reason.CLOSED, 5.0, Reason.STARVED),
        (Reason.RESET, 5.0, Reason.STARVED),
        (Reason.CLOSED, 0.0, Reason.CLOSED),
        (Reason.REFUSED, 5.0, Reason.REFUSED),
    ],
)
def test_whom_a_standing_director_has_bored_has_not_failed(reason, lost, expected):
    """It hangs up on a client that says nothing; a refusal has nothing to do with patience."""
    stalls = iter([10.0, 10.0 + lost])
    outcome = outcome_of(raising(ConnectFailed("it is over", reason)), stalled=lambda: next(stalls))
    assert expected is outcome.reason
    assert (outcome.verdict is Verdict.UNKNOWN) is (expected is Reason.STARVED)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_listening_port_passes_and_a_closed_one_is_refused(host):
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as server:
        port = server.getsockname()[1]
        outcome = outcome_of(TcpProbe(), target=Target(address=host, port=port))
        assert Verdict.PASS is outcome.verdict
        assert 0 < outcome.phases.connect <= outcome.phases.total
    outcome = outcome_of(TcpProbe(), target=Target(address=host, port=port))
    assert (Verdict.FAIL, Reason.REFUSED) == (outcome.verdict, outcome.reason)


def test_cancelling_a_run_goes_through_and_closes_its_sockets():
    async def main(address):
        connected = asyncio.Event()

        async def does(target, ctx):
            stream = await ctx.net.connect(*address)
            connected.set()
            await stream.read()

        probe = Scripted(does)
        task = asyncio.create_task(
            in_reactor(lambda engine: run(probe, Target(address="127.0.0.1", port=1), 60, engine))
        )
        await connected.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with socket.create_server(("127.0.0.1", 0)) as server:
        asyncio.run(main(server.getsockname()))
        connection, _ = server.accept()
        with connection:
            connection.settimeout(5)
            assert b"" == connection.recv(1), "the run's socket was left open"
