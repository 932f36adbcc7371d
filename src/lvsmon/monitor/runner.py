"""One run of one probe: deadline, timings, and every exception turned into an `Outcome`."""

import asyncio
import logging
import time
from dataclasses import replace
from typing import Final

from lvsmon.errors import LocalFault, ProbeFailed
from lvsmon.model import Outcome, Phases, Reason, Target, Verdict
from lvsmon.net.engine import Engine
from lvsmon.net.sockets import SocketConnector
from lvsmon.probes.base import Context, Deadline, Probe

_log: Final = logging.getLogger(__name__)


class PhaseTrace:
    """Stamps the phases of a run; the first byte after the connection is one of them."""

    __slots__ = ("connected_at", "first_byte_at", "started_at", "where")

    def __init__(self) -> None:
        self.started_at = time.monotonic()
        self.connected_at: float | None = None
        self.first_byte_at: float | None = None
        self.where = "starting"

    def connecting(self, address: str, port: int, /) -> None:
        self.where = f"connecting to {address} port {port}"

    def connected(self) -> None:
        if self.connected_at is None:
            self.connected_at = time.monotonic()
        self.where = "waiting for the first byte"

    def sent(self, data: bytes, /) -> None:
        pass

    def received(self, data: bytes, /) -> None:  # noqa: ARG002
        if self.first_byte_at is None:
            self.first_byte_at = time.monotonic()
            self.where = "talking"

    def phases(self, ended_at: float) -> Phases:
        connected, first = self.connected_at, self.first_byte_at
        return Phases(
            connect=None if connected is None else connected - self.started_at,
            first_byte=None if first is None or connected is None else first - connected,
            total=ended_at - self.started_at,
        )


async def run(probe: Probe, target: Target, timeout: float, engine: Engine) -> Outcome:  # noqa: ASYNC109
    """Run ``probe`` once against ``target``; never longer than ``timeout`` seconds, no exception but cancellation.

    The deadline is absolute and bounds everything: a realserver that drips a byte a second costs its own run.
    """
    trace = PhaseTrace()
    connector = SocketConnector(engine, trace)
    deadline = Deadline(at=trace.started_at + timeout)
    try:
        async with asyncio.timeout(timeout) as scope:
            outcome = await probe.check(target, Context(net=connector, deadline=deadline))
    except TimeoutError:
        if scope.expired():
            outcome = _fail(Reason.DEADLINE, f"no answer within {timeout:g} s: still {trace.where}")
        else:
            outcome = _bug(probe, target)
    except ProbeFailed as error:
        outcome = _fail(error.reason, str(error))
    except LocalFault as error:
        outcome = Outcome(verdict=Verdict.UNKNOWN, reason=error.reason, detail=str(error))
    except Exception:  # noqa: BLE001  a bug of ours must never count against a realserver; it is logged
        outcome = _bug(probe, target)
    finally:
        connector.close_all()
    return replace(outcome, phases=trace.phases(time.monotonic()))


def _fail(reason: Reason, detail: str) -> Outcome:
    return Outcome(verdict=Verdict.FAIL, reason=reason, detail=detail)


def _bug(probe: Probe, target: Target) -> Outcome:
    _log.exception("a bug in probe kind %s against %s", probe.kind, target)
    return Outcome(
        verdict=Verdict.UNKNOWN,
        reason=Reason.PROBE_BUG,
        detail=f"a bug in lvsmon's {probe.kind} probe, not in the realserver: the log has the traceback",
    )
