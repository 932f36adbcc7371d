"""What a worker may say, read strictly: any bytes are one of these things, or `Refused`. Pure.

Whatever is in it may be the words of a realserver that has taken the worker over: every text and list is bounded, and
there is no field that is not needed. `lvsmon.monitor.workers.saying` writes it.
"""

import time
from base64 import b64decode
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, TypeAdapter, ValidationError

from lvsmon.errors import MAX_DETAIL
from lvsmon.model import FactValue, Health, Outcome, Phases, ProbeState, Reason, Transition, Verdict, Weight
from lvsmon.monitor.news import Look
from lvsmon.monitor.news import News as Heard
from lvsmon.monitor.run import Run
from lvsmon.monitor.stretches import STRETCHES, Stretch
from lvsmon.monitor.transcript import LIMIT, STEP_COST, Event, Step, Transcript
from lvsmon.monitor.vitals import Figures, ProbingVitals
from lvsmon.monitor.waiting import Ran
from lvsmon.monitor.workers.saying import MOST_FIELD
from lvsmon.probes.base import ProbeSpec
from lvsmon.recorded import MAX_OUTCOME

_MOST_PROBES: Final = 100_000
_MOST_COUNT: Final = 1 << 53

_Probe: TypeAlias = Annotated[str, Field(max_length=1024)]
_Detail: TypeAlias = Annotated[str, Field(max_length=MAX_DETAIL * 10)]  # what is no text is written out as \udcNN
_Count: TypeAlias = Annotated[int, Field(ge=0, le=_MOST_COUNT)]
_Seconds: TypeAlias = Annotated[float, Field(ge=0, le=1e12)]
_Length: TypeAlias = Annotated[float, Field(ge=-1e12, le=1e12)]
_Number: TypeAlias = Annotated[int, Field(ge=0, le=1 << 32)]
_Fact: TypeAlias = (
    bool | Annotated[int, Field(ge=-(1 << 64), le=1 << 64)] | float | Annotated[str, Field(max_length=MAX_OUTCOME)]
)


def _weight(value: object) -> Weight:
    if not isinstance(value, str):
        raise ValueError("no weight")  # noqa: TRY004  pydantic's way
    return Weight.parse(value)


def _not_ours(name: str) -> str:
    if name in {"time", "level", "event", "worker"}:
        raise ValueError("a field that the supervisor fills in")
    return name


def _data(value: object) -> bytes:
    if not isinstance(value, str) or len(value) > 2 * LIMIT:
        raise ValueError("no bytes in base64")
    return b64decode(value, validate=True)


_Weight: TypeAlias = Annotated[Weight, PlainValidator(_weight)]
_Data: TypeAlias = Annotated[bytes, PlainValidator(_data)]


class _Said(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class _Outcome(_Said):
    verdict: Verdict
    reason: Reason
    detail: _Detail
    phases: tuple[_Length | None, _Length | None, _Length | None, _Length]
    facts: Annotated[dict[Annotated[str, Field(max_length=1024)], _Fact], Field(max_length=200)] = {}
    weight: _Weight | None = None

    def outcome(self) -> Outcome:
        facts: dict[str, FactValue] = dict(self.facts)
        connect, tls, first_byte, total = self.phases
        return Outcome(
            verdict=self.verdict,
            reason=self.reason,
            detail=self.detail[:MAX_DETAIL],
            facts=facts,
            phases=Phases(connect=connect, tls=tls, first_byte=first_byte, total=total),
            weight=self.weight,
        )


_State: TypeAlias = tuple[
    Health, _Count, _Count, _Count, _Seconds, _Outcome | None, _Weight | None, _Seconds, _Seconds
]  # fmt: skip
_Stretch: TypeAlias = tuple[Verdict, Reason, _Count, _Seconds, _Seconds, _Detail]
_Event: TypeAlias = tuple[_Seconds, Step, _Data, _Count]
_Dialogue: TypeAlias = Annotated[list[_Event], Field(max_length=2 * LIMIT // STEP_COST)]


class _News(_Said):
    probe: _Probe
    state: _State
    before: Health | None
    dialogue: _Dialogue

    def heard(self) -> Heard:
        """Return it as news; a transition is made here, from the state, so that both say the same."""
        state, transition = _state(self.state), None
        if self.before not in (None, state.health) and state.last is not None:
            transition = Transition(self.probe, self.before, state.health, state.last, state.since)
        return Heard(self.probe, state, transition, _transcript(self.dialogue))


class _Look(_Said):
    probe: _Probe
    state: _State
    stretches: Annotated[list[_Stretch], Field(max_length=STRETCHES)]

    def look(self) -> Look:
        return Look(_state(self.state), tuple(Stretch(*each) for each in self.stretches))


class _Ran(_Said):
    at: _Seconds
    outcome: _Outcome
    dialogue: _Dialogue
    before: _State
    after: _State

    def run_of(self, spec: ProbeSpec) -> Ran:
        """Return the run, which was one of ``spec``."""
        seen = Run(
            kind=spec.probe.kind, target=spec.target, timeout=spec.timeout,
            at=self.at, outcome=self.outcome.outcome(), transcript=_transcript(self.dialogue),
        )  # fmt: skip
        return Ran(seen, _state(self.before), _state(self.after))


class _Figures(_Said):
    count: _Count
    longest: _Seconds
    p99: _Seconds

    def figures(self) -> Figures:
        return Figures(self.count, self.longest, self.p99)


class _Vitals(_Said):
    lag: _Figures
    stalled: _Seconds
    starts: _Figures
    late_starts: _Count
    still_running: _Count
    running: _Count
    waiting: _Count
    waiting_for_address: _Count
    runs: _Count
    runs_per_second: _Seconds
    outcomes: Annotated[dict[Verdict, _Count], Field(max_length=len(Verdict))]
    starved: _Count
    starved_lately: _Count
    tripwires_held: _Count
    tripwires_tripped: _Count
    tripwires_reopened: _Count

    def vitals(self) -> ProbingVitals:
        plain = self.model_dump(exclude={"lag", "starts", "outcomes"})
        outcomes = {verdict.value: count for verdict, count in self.outcomes.items()}
        return ProbingVitals(lag=self.lag.figures(), starts=self.starts.figures(), outcomes=outcomes, **plain)


class Ready(_Said):
    say: Literal["ready"]
    missing: Annotated[list[Annotated[str, Field(max_length=1000)]], Field(max_length=20)]


class Took(_Said):
    say: Literal["took"]
    number: _Number


class News(_Said):
    say: Literal["news"]
    news: Annotated[list[_News], Field(max_length=_MOST_PROBES)]


class Looked(_Said):
    say: Literal["look"]
    number: _Number
    looks: Annotated[list[_Look], Field(max_length=_MOST_PROBES)]
    more: bool


class Ended(_Said):
    say: Literal["ran"]
    number: _Number
    ran: _Ran | None


class Vitals(_Said):
    say: Literal["vitals"]
    vitals: _Vitals


class Log(_Said):
    say: Literal["log"]
    level: Annotated[int, Field(ge=0, le=50)]
    event: Annotated[str, Field(max_length=100)]
    fields: Annotated[
        dict[
            Annotated[str, Field(pattern="^[a-z_]{1,32}$"), AfterValidator(_not_ours)],
            float | int | Annotated[str, Field(max_length=10 * MOST_FIELD)],
        ],
        Field(max_length=20),
    ]


Said: TypeAlias = Ready | Took | News | Looked | Ended | Vitals | Log

_READER: Final[TypeAdapter[Any]] = TypeAdapter(Annotated[Said, Field(discriminator="say")])


class Refused(ValueError):
    """It is nothing that a worker may say."""


def decode(frame: bytes) -> Said:
    """Return what ``frame`` says; raise `Refused`."""
    try:
        said: Said = _READER.validate_json(frame)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise Refused(f"{'.'.join(map(str, first['loc']))[:80]}: {first['msg'][:80]}") from None
    return said


def _state(fields: _State) -> ProbeState:
    """Return the state; what claims to have been after now, was now."""
    health, passes, fails, unknowns, since, last, weight, heard, passed = fields
    now = time.monotonic()
    outcome = None if last is None else last.outcome()
    since = min(since, time.time())
    return ProbeState(health, passes, fails, unknowns, since, outcome, weight, min(heard, now), min(passed, now))


def _transcript(events: list[_Event]) -> Transcript:
    return tuple(Event(*event) for event in events)
