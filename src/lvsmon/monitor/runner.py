"""One run of one probe: deadline, timings, and every exception turned into an `Outcome` without a secret in it."""

import logging
import time
import traceback
from collections.abc import Callable
from typing import Final

from lvsmon.errors import LocalFault, ProbeFailed
from lvsmon.logs import event
from lvsmon.model import Outcome, Phases, Reason, Target, Verdict
from lvsmon.net.clock import SystemClock
from lvsmon.net.engine import Engine
from lvsmon.net.shared import Shared
from lvsmon.net.sockets import SocketConnector
from lvsmon.probes.base import RUN_ONCE, Context, Deadline, Probe
from lvsmon.secrets.masking import masker_of

_log: Final = logging.getLogger(__name__)

_CLOCK: Final = SystemClock()

STARVED_SHARE: Final = 0.1
"""Share of a probe's timeout: if the director lost more than this, a missed deadline says nothing."""


_IMPATIENCE: Final = frozenset({Reason.CLOSED, Reason.RESET})
"""What a realserver does to a client that has been silent for too long: no fault of its own if the director was."""

_CONNECTING: Final = "connecting to"
_CONNECTED: Final = "waiting for the first byte from"
_TALKING: Final = "talking with"
_WITH_PEER: Final = frozenset({_CONNECTING, _CONNECTED, _TALKING})


class PhaseTrace:
    """Stamps the phases of a run: its first connection and TLS handshake, and the first byte it heard on them."""

    __slots__ = (
        "_doing", "_peer", "_told", "connected_at", "first_byte_at", "secured_at", "securing_at", "started_at",
    )  # fmt: skip

    def __init__(self) -> None:
        self.started_at = time.monotonic()
        self.connected_at: float | None = None
        self.securing_at: float | None = None
        self.secured_at: float | None = None
        self.first_byte_at: float | None = None
        self._doing = "starting"
        self._peer: tuple[str, int] = ("", 0)
        self._told = False

    @property
    def where(self) -> str:
        """What the run is at, in words: asked of few runs, so they are put together when somebody asks."""
        if self._doing not in _WITH_PEER:
            return self._doing
        address, port = self._peer
        return f"{self._doing} {address} port {port}" if port else f"{self._doing} {address}"

    def connecting(self, address: str, port: int, /) -> None:
        self._peer = address, port
        self._doing = _CONNECTING

    def connected(self) -> None:
        self._connect()

    def _connect(self) -> float:
        at = time.monotonic()
        if self.connected_at is None:
            self.connected_at = at
        self._doing = _CONNECTED
        return at

    def securing(self) -> None:
        self._doing = "in the TLS handshake"
        if self.secured_at is None:
            self.securing_at = time.monotonic()
        else:
            self._doing = "in the TLS handshake of a further connection"

    def secured(self) -> None:
        if self.secured_at is None:
            self.secured_at = time.monotonic()
        self._doing = "waiting for an answer in TLS"

    def awaiting(self, what: str, /) -> None:
        self._doing = f"waiting for {what}"
        self._told = True  # by the probe, which knows better than what is heard meanwhile

    def sent(self, data: bytes, /) -> None:
        pass

    def received(self, data: bytes, /) -> None:  # noqa: ARG002
        self._receive()

    def _receive(self) -> float:
        at = time.monotonic()
        if self.first_byte_at is None:
            self.first_byte_at = at
        if not self._told:
            self._doing = _TALKING
        return at

    def ended(self) -> None:
        pass

    def phases(self, ended_at: float) -> Phases:
        connected, secured, first = self.connected_at, self.secured_at, self.first_byte_at
        ready = connected if first is None or secured is None or first < secured else secured
        return Phases(
            connect=None if connected is None else connected - self.started_at,
            tls=None if secured is None or self.securing_at is None else secured - self.securing_at,
            first_byte=None if first is None or ready is None else first - ready,
            total=ended_at - self.started_at,
        )


async def run(
    probe: Probe,
    target: Target,
    timeout: float,  # noqa: ASYNC109  the one place where a timeout is set
    engine: Engine,
    stalled: Callable[[], float] = lambda: 0.0,
    *,
    shared: Shared | None = None,
    interval: float = RUN_ONCE,
    trace: PhaseTrace | None = None,
) -> Outcome:
    """Run ``probe`` once against ``target``; never longer than ``timeout`` seconds, no exception but cancellation.

    The deadline is absolute and bounds everything: a realserver that drips a byte a second costs its own run.
    ``stalled`` tells the seconds for which the director has been kept from running (`LagMeter`): a deadline missed
    while that was a fair share of the time is UNKNOWN, for nobody was there to hear the answer, and so is a connection
    that the realserver ended then. ``shared`` is the
    caller's one for all its runs, ``interval`` the seconds to the probe's next run, where there is one. ``trace`` hears
    what happens on the wire, and is made for this run: a `Recorder` keeps it.
    """
    trace = trace or PhaseTrace()
    shared = shared or Shared()
    connector = SocketConnector(engine, trace, shared.doors.way_of(target))
    deadline = Deadline(at=trace.started_at + timeout)
    context = Context(net=connector, deadline=deadline, clock=_CLOCK, shared=shared, interval=interval)
    stalled_before = stalled()
    try:
        ended = await engine.within(timeout, probe.check(target, context))
        if ended is not None:
            outcome = ended
        elif (lost := stalled() - stalled_before) > STARVED_SHARE * timeout:
            outcome = _starved(lost)
        elif connector.held_up:
            outcome = _held_up(timeout)
        else:
            outcome = missed(timeout, trace.where)
    except (ProbeFailed, LocalFault) as error:
        outcome = judge(error)
        if outcome.reason in _IMPATIENCE and (lost := stalled() - stalled_before) > STARVED_SHARE * timeout:
            outcome = _starved(lost)
    except Exception:  # noqa: BLE001  a bug of ours must never count against a realserver; it is logged
        outcome = _bug(probe, target)
    finally:
        connector.close_all()
    return masker_of(probe).outcome(
        Outcome(
            verdict=outcome.verdict,
            reason=outcome.reason,
            detail=outcome.detail,
            facts=outcome.facts,
            phases=trace.phases(time.monotonic()),
            weight=outcome.weight,
        )
    )


def judge(error: ProbeFailed | LocalFault) -> Outcome:
    """Return the outcome of a run that ended in ``error``: theirs is FAIL, ours is UNKNOWN."""
    if isinstance(error, ProbeFailed):
        return Outcome(verdict=Verdict.FAIL, reason=error.reason, detail=str(error), facts=error.facts)
    return Outcome(verdict=Verdict.UNKNOWN, reason=error.reason, detail=str(error))


def missed(timeout: float, where: str) -> Outcome:
    """Return the outcome of a run that was still ``where`` after ``timeout`` seconds."""
    detail = f"no answer within {timeout:g} s: still {where}"
    return Outcome(verdict=Verdict.FAIL, reason=Reason.DEADLINE, detail=detail)


def _starved(lost: float) -> Outcome:
    detail = f"the director itself was kept from running for {lost:.1f} s of the probe's time"
    return Outcome(verdict=Verdict.UNKNOWN, reason=Reason.STARVED, detail=detail)


def _held_up(timeout: float) -> Outcome:
    detail = f"the director had not made a way through the VIP within {timeout:g} s"
    return Outcome(verdict=Verdict.UNKNOWN, reason=Reason.LOCAL_RESOURCES, detail=detail)


def _bug(probe: Probe, target: Target) -> Outcome:
    trouble = masker_of(probe).text(traceback.format_exc())
    event(_log, logging.ERROR, "a bug in a probe kind", kind=probe.kind, target=str(target), traceback=trouble)
    return Outcome(
        verdict=Verdict.UNKNOWN,
        reason=Reason.PROBE_BUG,
        detail=f"a bug in lvsmon's {probe.kind} probe, not in the realserver: the log has the traceback",
    )
