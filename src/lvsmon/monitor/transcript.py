"""The dialogue of one run as it happened: what was sent and received and when, within bounds.

`Recorder` listens to a run in place of the runner's own trace; a run that passes costs it a few appends. What is kept
or shown goes through `masked` first: a transcript holds what was on the wire, secrets included.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Container
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias

from lvsmon.model import Outcome
from lvsmon.monitor.runner import PhaseTrace
from lvsmon.secrets.masking import Masker
from lvsmon.text import escape

LIMIT: Final = 8192
"""Bytes of one transcript, half from the beginning of the dialogue and half from its end: a login or the head of an
answer is a tenth of it, and what went wrong mostly stands at the end."""

STEP_COST: Final = 32
"""Bytes that every step counts besides its data, so that a realserver that drips cannot make many of nothing."""

MAX_KEPT: Final = 32 * 1024 * 1024
"""Bytes of all kept transcripts together: 4,000 of full size, or some 100,000 refused connections."""


MAX_LINE: Final = 1500
"""Characters of a dialogue told in one line of a log: what surrounds it fits into the 2 kB that syslog promises."""


class Step(StrEnum):
    """What may happen in a dialogue."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    SECURING = "securing"
    SECURED = "secured"
    SENT = "sent"
    RECEIVED = "received"
    ENDED = "ended"
    OMITTED = "omitted"


@dataclass(frozen=True, slots=True)
class Event:
    """One step, ``at`` seconds after the run began.

    ``data`` is what was sent or received (what TLS carries, from SECURED on), or with CONNECTING where to, as text.
    OMITTED stands for ``omitted`` bytes in the middle of the dialogue that are not kept; the data before and after it
    is cut there.
    """

    at: float
    step: Step
    data: bytes = b""
    omitted: int = 0


Transcript: TypeAlias = tuple[Event, ...]

_Note: TypeAlias = tuple[float, Step, bytes]


class Recorder(PhaseTrace):
    """Stamps the phases as the runner's own trace does, and keeps the dialogue within ``limit`` bytes."""

    __slots__ = ("_half", "_head", "_omitted", "_room", "_tail", "_tail_size")

    def __init__(self, limit: int = LIMIT) -> None:
        super().__init__()
        self._half = limit // 2
        self._room = self._half
        self._head: list[_Note] = []
        self._tail: deque[_Note] | None = None
        self._tail_size = 0
        self._omitted = 0

    def connecting(self, address: str, port: int, /) -> None:
        super().connecting(address, port)
        self._note(time.monotonic(), Step.CONNECTING, (f"{address} port {port}" if port else address).encode())

    def connected(self) -> None:
        self._note(self._connect(), Step.CONNECTED)

    def securing(self) -> None:
        super().securing()
        self._note(time.monotonic(), Step.SECURING)

    def secured(self) -> None:
        super().secured()
        self._note(time.monotonic(), Step.SECURED)

    def sent(self, data: bytes, /) -> None:
        self._note(time.monotonic(), Step.SENT, data)

    def received(self, data: bytes, /) -> None:
        self._note(self._receive(), Step.RECEIVED, data)

    def ended(self) -> None:
        self._note(time.monotonic(), Step.ENDED)

    def _note(self, at: float, step: Step, data: bytes = b"") -> None:
        if self._tail is None:
            room = self._room - STEP_COST - len(data)
            if room >= 0:
                self._room = room
                self._head.append((at, step, data))
                return
            self._tail = deque()
            fits = self._room - STEP_COST
            if fits > 0:
                self._head.append((at, step, bytes(data[:fits])))
                data = data[fits:]
        self._note_end(self._tail, (at, step, data))

    def _note_end(self, tail: "deque[_Note]", note: _Note) -> None:
        """Put ``note`` last and let go of what is too old."""
        at, step, data = note
        most = self._half - STEP_COST
        if len(data) > most:
            self._omitted += len(data) - most
            data = data[-most:]
        tail.append((at, step, bytes(data)))
        self._tail_size += STEP_COST + len(data)
        while self._tail_size > self._half:
            at, step, data = tail.popleft()
            self._tail_size -= STEP_COST + len(data)
            spare = self._half - self._tail_size - STEP_COST
            if 0 < spare < len(data):
                tail.appendleft((at, step, data[-spare:]))
                self._tail_size += STEP_COST + spare
                data = data[:-spare]
            self._omitted += len(data)

    def transcript(self) -> Transcript:
        """Return what was recorded so far."""
        head, tail = list(self._head), list(self._tail or ())
        if not self._omitted and head and tail and head[-1][:2] == tail[0][:2]:
            at, step, data = tail.pop(0)  # cut in two, and nothing was lost between
            head[-1] = (at, step, head[-1][2] + data)
        between = [Event(self._since(tail[0]), Step.OMITTED, omitted=self._omitted)] if self._omitted else []
        return (*map(self._event, head), *between, *map(self._event, tail))

    def _event(self, note: _Note) -> Event:
        return Event(self._since(note), note[1], note[2])

    def _since(self, note: _Note) -> float:
        return note[0] - self.started_at


def masked(transcript: Transcript, masker: Masker) -> Transcript:
    """Return the dialogue with stars in it; beside a cut as much is starred as may be a part of a secret."""
    shown = list(transcript)
    cut = next((number for number, event in enumerate(transcript) if event.step is Step.OMITTED), None)
    halves = [range(len(transcript))] if cut is None else [range(cut), range(cut + 1, len(transcript))]
    for half, numbers in enumerate(halves):
        for step in (Step.SENT, Step.RECEIVED):
            places = [number for number in numbers if transcript[number].step is step]
            parts = [transcript[number].data for number in places]
            starred = masker.stream(
                parts, cut_before=cut is not None and half == 1, cut_after=cut is not None and half == 0
            )
            for number, data in zip(places, starred, strict=True):
                shown[number] = replace(shown[number], data=data)
    return tuple(shown)


def one_line(transcript: Transcript, limit: int = MAX_LINE) -> str:
    """Return the dialogue for a log: one printable line, its middle left out where it is longer than ``limit``."""
    line = "; ".join(f"{event.at:.3f} {_told(event)}" for event in transcript)
    return line if len(line) <= limit else f"{line[: limit // 2]} … {line[-limit // 2 + 3 :]}"


def _told(event: Event) -> str:
    if event.step is Step.OMITTED:
        return f"{event.omitted} bytes omitted"
    text = escape(event.data.decode("utf-8", "backslashreplace"))
    if event.step in (Step.SENT, Step.RECEIVED):
        return f"{event.step} '{text}'"
    return f"{event.step} {text}".rstrip()


@dataclass(frozen=True, slots=True)
class Failure:
    """The last failing run of a probe; ``at`` is wall-clock time, in seconds. Secrets in it are masked."""

    at: float
    outcome: Outcome
    transcript: Transcript

    @property
    def size(self) -> int:
        return sum(STEP_COST + len(event.data) for event in self.transcript)


class Failures:
    """The last failure of each probe, by id; of the oldest ones nothing is kept where all together are too large."""

    def __init__(self, limit: int = MAX_KEPT) -> None:
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[str, Failure] = OrderedDict()

    def keep(self, probe: str, failure: Failure) -> None:
        """Keep ``failure`` in place of the one before."""
        self._drop(probe)
        self._kept[probe] = failure
        self._size += failure.size
        while self._size > self._limit:
            self._drop(next(iter(self._kept)))

    def of(self, probe: str) -> Failure | None:
        return self._kept.get(probe)

    def retain(self, probes: Container[str]) -> None:
        """Forget the probes that are not among ``probes``."""
        for gone in [probe for probe in self._kept if probe not in probes]:
            self._drop(gone)

    def _drop(self, probe: str) -> None:
        known = self._kept.pop(probe, None)
        if known is not None:
            self._size -= known.size
