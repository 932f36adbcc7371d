"""What a worker says to the supervisor, as JSON; `lvsmon.monitor.workers.up` reads it, and says what may be in it.

{"say": "ready", "missing": [...]}                 confined as far as it could be
{"say": "took", "number": 3}                       an `Update` is in force
{"say": "news", "news": [...]}                     also as the heartbeat, with no news in it
{"say": "look", "number": 4, "looks": [...], "more": false}
{"say": "ran", "number": 5, "ran": {...}}          or null
{"say": "vitals", "vitals": {...}}                 how it is doing, every few beats
{"say": "log", "level": 20, "event": "...", "fields": {...}}
"""

import base64
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any, Final

from lvsmon import recorded
from lvsmon.errors import clip
from lvsmon.model import FactValue, Outcome, ProbeState
from lvsmon.monitor.news import Look, News
from lvsmon.monitor.transcript import Transcript
from lvsmon.monitor.vitals import ProbingVitals
from lvsmon.monitor.waiting import Ran

_ROOM: Final = 1 << 17
"""Bytes after which a list goes on in the next frame: half of what one may have, since the last item may be large."""

MOST_FIELD: Final = 8192
"""Characters of one field of a log line: a traceback."""


def ready(missing: Iterable[str]) -> bytes:
    return _frame(say="ready", missing=list(missing))


def took(number: int) -> bytes:
    return _frame(say="took", number=number)


def news(news: Iterable[News]) -> Iterator[bytes]:
    """Yield at least one frame."""
    for each, _ in _together(_news(one) for one in news):
        yield b'{"say":"news","news":[%b]}' % b",".join(each)


def looked(number: int, looks: Mapping[str, Look]) -> Iterator[bytes]:
    """Yield the frames of one answer."""
    for each, more in _together(_look(probe, look) for probe, look in looks.items()):
        yield b'{"say":"look","number":%d,"more":%b,"looks":[%b]}' % (
            number,
            json.dumps(more).encode(),
            b",".join(each),
        )


def ran(number: int, seen: Ran | None) -> bytes:
    told = seen and {
        "at": seen.run.at,
        "outcome": _outcome(seen.run.outcome),
        "dialogue": _dialogue(seen.run.transcript),
        "before": _state(seen.before),
        "after": _state(seen.after),
    }
    return _frame(say="ran", number=number, ran=told)


def vitals(vitals: ProbingVitals) -> bytes:
    return _frame(say="vitals", vitals=asdict(vitals))


def log(level: int, event: str, fields: Mapping[str, object]) -> bytes:
    told = {key: value if isinstance(value, int | float) else _plain(value) for key, value in fields.items()}
    return _frame(say="log", level=level, event=_plain(event), fields=told)


def _together(items: Iterable[dict[str, Any]]) -> Iterator[tuple[list[bytes], bool]]:
    """Yield the items as JSON in groups that fit into a frame, and whether more follow; one empty group for none."""
    group: list[bytes] = []
    size = 0
    for item in items:
        if size > _ROOM:
            yield group, True
            group, size = [], 0
        group.append(_json(item))
        size += len(group[-1])
    yield group, False


def _news(news: News) -> dict[str, Any]:
    return {
        "probe": news.probe,
        "state": _state(news.state),
        "before": None if news.transition is None else news.transition.before,
        "dialogue": _dialogue(news.dialogue),
    }


def _look(probe: str, look: Look) -> dict[str, Any]:
    stretches = [
        [each.verdict, each.reason, each.count, each.first, each.last, _plain(clip(each.detail))]
        for each in look.stretches
    ]
    return {"probe": probe, "state": _state(look.state), "stretches": stretches}


def _state(state: ProbeState) -> list[Any]:
    """Return the fields of ``state`` in their order."""
    return [
        state.health, state.passes, state.fails, state.unknowns, state.since,
        None if state.last is None else _outcome(state.last),
        None if state.weight is None else str(state.weight),
        state.heard, state.passed,
    ]  # fmt: skip


def _outcome(outcome: Outcome) -> dict[str, Any]:
    record = recorded.record_of(outcome)
    record["detail"] = _plain(record["detail"])
    record["facts"] = {_plain(name): _fact(value) for name, value in record.get("facts", {}).items()}
    return record


def _fact(value: FactValue) -> FactValue:
    return value if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)) else _plain(value)


def _dialogue(transcript: Transcript) -> list[list[Any]]:
    return [[each.at, each.step, base64.b64encode(each.data).decode(), each.omitted] for each in transcript]


def _plain(value: object) -> str:
    """Return the text of ``value`` within bounds, without halves of characters, which JSON's readers refuse."""
    return clip(str(value), MOST_FIELD).encode("utf-8", "backslashreplace").decode()


def _frame(**fields: Any) -> bytes:
    return _json(fields)


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
