"""Paths into a JSON document: "status", "$.checks[0].name", 'components["db.main"].status', "checks[*].ok".

What RFC 9535 calls a singular query (section 2.3.5.1), and the wildcard (section 2.3.2); the "$" may be left out, and a
name that stands behind a dot may hold a hyphen.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

MAX_SEGMENTS: Final = 32
"""Steps from the root of a document to a value: health pages have five."""

_SEGMENT: Final = re.compile(
    r"""(?P<wild>\[\*\])|(?P<star>\.\*)|\[(?P<index>-?(?:0|[1-9][0-9]{0,8}))\]
    |\[(?:"(?P<double>(?:[^"\\]|\\["\\])*)"|'(?P<single>(?:[^'\\]|\\['\\])*)')\]
    |\.(?P<name>[^.\[\]"'*\s$]+)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Every:
    """The wildcard: every member of an object, every element of an array."""


Segment: TypeAlias = str | int | Every


def parse(text: str) -> tuple[Segment, ...]:
    """Return the segments of a path; raise ValueError saying what to write."""
    rest = text.removeprefix("$") if text.startswith("$") else text if text.startswith("[") else f".{text}"
    segments: list[Segment] = []
    at = 0
    while at < len(rest):
        found = _SEGMENT.match(rest, at)
        if found is None or len(segments) == MAX_SEGMENTS:
            raise ValueError('write a path such as "status", "checks[0].name", "checks[*].ok" or "$" for all')
        segments.append(_segment(found))
        at = found.end()
    return tuple(segments)


def _segment(found: re.Match[str]) -> Segment:
    if found["name"] is not None:
        return found["name"]
    if found["index"] is not None:
        return int(found["index"])
    for quoted in (found["double"], found["single"]):
        if quoted is not None:
            return re.sub(r"\\(.)", r"\1", quoted)
    return Every()


def select(document: Any, segments: tuple[Segment, ...]) -> Iterator[Any]:
    """Yield the values that the path leads to: one at most, or any number behind a wildcard."""
    if not segments:
        yield document
        return
    segment, rest = segments[0], segments[1:]
    match segment, document:
        case Every(), dict():
            found = list(document.values())
        case Every(), list():
            found = document
        case str(), dict() if segment in document:
            found = [document[segment]]
        case int(), list() if -len(document) <= segment < len(document):
            found = [document[segment]]
        case _:
            found = []
    for value in found:
        yield from select(value, rest)
