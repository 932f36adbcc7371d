"""Stars in place of secrets, in a dialogue that was on the wire and in what is said about it.

A secret is found as it stands, quoted as protocols quote it (backslashes, percent signs, JSON), in UTF-16, within
base64 (HTTP's basic authorisation, SASL PLAIN and LOGIN), and where it is spread over several reads or writes. The
value of an ``Authorization`` header is masked whoever wrote it. A digest made of a secret (APOP, CRAM-MD5, MySQL's
login) cannot be found, and is shown as it was sent.
"""

import base64
import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, quote_plus

from lvsmon.model import FactValue, Outcome
from lvsmon.model.settings import Secret
from lvsmon.monitor.transcript import Step, Transcript

STARS: Final = "********"

_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-]{4,}")
_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")
_AUTHORIZATION: Final = re.compile(rb"(?im)^(?:proxy-)?authorization:[ \t]*([^\r\n]+)")
_DATA: Final = frozenset({Step.SENT, Step.RECEIVED})


def secrets_in(value: Any) -> Iterator[Secret]:
    """Return every secret among a probe's settings, those within settings of settings included."""
    if isinstance(value, Secret):
        yield value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from secrets_in(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from secrets_in(item)
    elif isinstance(value, tuple | list | set | frozenset):
        for item in value:
            yield from secrets_in(item)


class Masker:
    """Masks ``secrets``, and what each protocol calls one."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        texts = sorted({secret.reveal() for secret in secrets} - {""}, key=len, reverse=True)
        self._texts = texts
        self._plain = tuple({form for text in texts for form in _encoded(text)})
        self._written = tuple({form for text in texts for form in _written(text)})
        self._reach = max((len(form) for form in self._written), default=0) * 4 // 3 + 8

    def text(self, text: str) -> str:
        """Return ``text``, a detail or a fact, without the secrets in it."""
        for secret in self._texts:
            text = text.replace(secret, STARS)
        return text

    def outcome(self, outcome: Outcome) -> Outcome:
        """Return ``outcome`` without the secrets that a realserver may have repeated."""
        if not self._texts:
            return outcome
        facts: dict[str, FactValue] = {
            name: self.text(fact) if isinstance(fact, str) else fact for name, fact in outcome.facts.items()
        }
        return dataclasses.replace(outcome, detail=self.text(outcome.detail), facts=facts)

    def transcript(self, events: Transcript) -> Transcript:
        """Return the dialogue with stars in it; beside a cut as much is starred as may be a part of a secret."""
        masked = list(events)
        cut = next((number for number, event in enumerate(events) if event.step is Step.OMITTED), None)
        halves = [range(len(events))] if cut is None else [range(cut), range(cut + 1, len(events))]
        for half, numbers in enumerate(halves):
            for step in _DATA:
                places = [number for number in numbers if events[number].step is step]
                edges = (cut is not None and half == 1, cut is not None and half == 0)
                for number, data in zip(places, self._stream([events[n].data for n in places], *edges), strict=True):
                    masked[number] = dataclasses.replace(events[number], data=data)
        return tuple(masked)

    def _stream(self, parts: Sequence[bytes], cut_before: bool, cut_after: bool) -> list[bytes]:
        """Mask what was said in one direction, piece by piece; it may be cut off at either end."""
        whole = b"".join(parts)
        spans = list(self._spans(whole))
        if self._texts and whole:
            spans += [(0, min(len(whole), self._reach))] if cut_before else []
            spans += [(max(0, len(whole) - self._reach), len(whole))] if cut_after else []
        if not spans:
            return list(parts)
        merged = _merged(spans)
        made, start = [], 0
        for part in parts:
            made.append(_starred(whole, start, start + len(part), merged))
            start += len(part)
        return made

    def _spans(self, whole: bytes) -> Iterator[tuple[int, int]]:
        for found in _AUTHORIZATION.finditer(whole):
            yield found.span(1)
        for form in self._written:
            at = whole.find(form)
            while at >= 0:
                yield at, at + len(form)
                at = whole.find(form, at + 1)
        if self._plain:
            for found in _BASE64.finditer(whole):
                if any(form in decoded for decoded in _decoded(found[0]) for form in self._plain):
                    yield found.span()


def _encoded(text: str) -> Iterator[bytes]:
    yield text.encode("utf-8", "surrogateescape")
    yield text.encode("utf-16-le", "surrogatepass")
    if not text.isascii() and all(ord(letter) < 0x100 for letter in text):
        yield text.encode("latin-1")


def _written(text: str) -> Iterator[bytes]:
    """Return the forms in which protocols write a secret."""
    yield from _encoded(text)
    raw = text.encode("utf-8", "surrogateescape")
    for form in (quote(raw, safe=""), quote(raw), quote_plus(raw)):
        yield form.encode()
        yield re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), form).encode()
    yield raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    yield json.dumps(text)[1:-1].encode()
    yield raw.replace(b"'", b"''")


def _decoded(run: bytes) -> Iterator[bytes]:
    """Decode ``run`` from each of the four places where a group of base64 may begin in it."""
    plain = run.translate(_URL_SAFE)
    for offset in range(min(4, len(plain) - 1)):
        group = plain[offset:]
        group = group[: len(group) - (len(group) % 4 == 1)]
        yield base64.b64decode(group + b"=" * (-len(group) % 4))


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _starred(whole: bytes, start: int, end: int, spans: Iterable[tuple[int, int]]) -> bytes:
    """Return ``whole[start:end]`` with stars where a span begins and nothing where it goes on."""
    made, at = b"", start
    for first, last in spans:
        if last <= start or first >= end:
            continue
        if first >= start:
            made += whole[at:first] + STARS.encode()
        at = min(last, end)
    return made + whole[at:end]
