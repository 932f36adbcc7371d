"""Stars in place of secrets, in a dialogue that was on the wire and in what is said about it.

A secret is found as it stands, quoted as protocols and details quote it (backslashes, percent signs, JSON, Python's
notation), in hexadecimal, in UTF-16, within base64 (HTTP's basic authorisation, SASL PLAIN and LOGIN), and where it is
spread over several reads or writes. In a detail it is found in capitals too, and where the detail was cut short in the
middle of it. A secret of one to three characters is found as a word only: stars within other words would tell it, and
nothing else could be read. The value of an ``Authorization`` header is masked whoever wrote it. A digest made of a
secret (APOP, CRAM-MD5, MySQL's login) cannot be found, and is shown as it was sent.
"""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any, AnyStr, Final

from lvsmon.model import FactValue, Outcome
from lvsmon.model.settings import Secret
from lvsmon.secrets.forms import decoded, encoded, secrets_in, told, written

STARS: Final = "********"

_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-]{4,}")
_BASE64_TOLD: Final = re.compile(_BASE64.pattern.decode())
_PARTS: Final = re.compile(r"[^A-Za-z0-9]+")
_AUTHORIZATION: Final = re.compile(rb"(?im)^(?:proxy-)?authorization:[ \t]*([^\r\n]+)")
_AUTHORIZATION_TOLD: Final = re.compile(_AUTHORIZATION.pattern.decode())

_TELLING: Final = 3
"""Characters of a secret that a cut leaves and that still tell something of it."""

_WORD: Final = 4
"""Characters from which on a secret is found within words, too."""

_LEAST_CUT: Final = 40
"""Characters that stand at least of what is cut short without a mark of it, such as ``body[:40]!r``."""


@lru_cache(maxsize=1024)
def _masker(secrets: frozenset[Secret]) -> "Masker":
    return Masker(secrets)


_MOST_KNOWN: Final = 4096
"""Probes whose maskers are kept at hand; a configuration has one for each ``[[virtual.probe]]`` and the like."""

_known: Final[dict[int, tuple[Any, "Masker"]]] = {}
"""By the probe's identity, which stays its own for as long as it is kept here: to look for secrets takes longer than
many a run does."""


def masker_of(probe: Any) -> "Masker":
    """Return what masks the secrets among the settings of ``probe``, which never change."""
    known = _known.get(id(probe))
    if known is None:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        known = _known[id(probe)] = probe, _masker(frozenset(secrets_in(probe)))
    return known[1]


class Masker:
    """Masks ``secrets``, and what each protocol calls one."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        texts = {secret.reveal() for secret in secrets} - {""}
        self._plain = tuple({form for text in texts for form in encoded(text)})
        self._written = tuple({form for text in texts for form in written(text)})
        self._told: dict[str, set[str]] = {}  # by how they begin: most texts hold none of these
        for form in (_folded(form) for text in texts for form in told(text)):
            self._told.setdefault(form[:_TELLING], set()).add(form)
        self._shortest = min(map(len, self._plain), default=0)
        self._reach = max((len(form) for form in self._written), default=0) * 4 // 3 + 8

    def text(self, text: str) -> str:
        """Return ``text``, a detail or a fact, without the secrets in it."""
        spans = _merged(self._spans_told(text))
        return _starred(text, STARS, 0, len(text), spans) if spans else text

    def outcome(self, outcome: Outcome) -> Outcome:
        """Return ``outcome`` without the secrets that a realserver may have repeated."""
        if not self._plain:
            said = outcome.detail
            if outcome.facts:
                texts = (fact for fact in outcome.facts.values() if isinstance(fact, str))
                said = "\n".join([said, *outcome.facts, *texts])
            if "authorization:" not in said.lower():
                return outcome  # so it is with nearly every run
        detail = self.text(outcome.detail)
        if not outcome.facts and detail == outcome.detail:
            return outcome
        facts: dict[str, FactValue] = {
            self._name(name): self.text(fact) if isinstance(fact, str) else fact for name, fact in outcome.facts.items()
        }
        return dataclasses.replace(outcome, detail=detail, facts=facts)

    def _name(self, name: str) -> str:
        """Return a fact's name, by which programs find it: only where a word of it is a secret it is another."""
        words = _PARTS.split(name)
        return self.text(name) if any(self.text(word) == STARS for word in words) else name

    def stream(self, parts: Sequence[bytes], *, cut_before: bool, cut_after: bool) -> list[bytes]:
        """Return what was said in one direction, piece by piece, with stars in it.

        It may be cut off at either end: there as much is starred as may be a part of a secret.
        """
        whole = b"".join(parts)
        spans = list(self._spans(whole))
        if self._plain and whole:
            spans += [(0, min(len(whole), self._reach))] if cut_before else []
            spans += [(max(0, len(whole) - self._reach), len(whole))] if cut_after else []
        if not spans:
            return list(parts)
        merged = _merged(spans)
        ends = list(accumulate(map(len, parts)))
        return [
            _starred(whole, STARS.encode(), end - len(part), end, merged) for part, end in zip(parts, ends, strict=True)
        ]

    def _spans(self, whole: bytes) -> Iterator[tuple[int, int]]:
        for found in _AUTHORIZATION.finditer(whole):
            yield found.span(1)
        for form in self._written:
            at = whole.find(form)
            while at >= 0:
                if _stands(form, whole, at):
                    yield at, at + len(form)
                at = whole.find(form, at + 1)
        if self._plain:
            for found in _BASE64.finditer(whole):
                if any(_is_in(form, run) for run in decoded(found[0]) for form in self._plain):
                    yield found.span()

    def _spans_told(self, text: str) -> Iterator[tuple[int, int]]:
        folded = _folded(text)
        if "authorization:" in folded:
            for header in _AUTHORIZATION_TOLD.finditer(text):
                yield header.span(1)
        if not self._plain:
            return
        for head, forms in self._told.items():
            at = folded.find(head)
            while at >= 0:
                for form in forms:
                    end = at + _shared(form, folded, at)
                    whole = end - at == len(form) and _stands(form, folded, at)
                    if whole or (len(form) >= _WORD and end - at >= _TELLING and _is_cut(text, end)):
                        yield at, end
                at = folded.find(head, at + 1)
        for found in _BASE64_TOLD.finditer(text):
            cut = _is_cut(text, found.end())
            if (cut or len(found[0]) * 3 // 4 >= self._shortest) and any(
                self._holds(run, cut=cut) for run in decoded(found[0].encode())
            ):
                yield found.span()

    def _holds(self, run: bytes, *, cut: bool) -> bool:
        """Say whether a secret is in ``run`` or, where that is cut short, begins at its end."""
        if any(_is_in(form, run) for form in self._plain):
            return True
        lengths = range(_TELLING, len(run) + 1)
        return cut and any(form.startswith(run[-length:]) for length in lengths for form in self._plain)


def _stands(form: AnyStr, whole: AnyStr, at: int) -> bool:
    """Say whether ``form``, found at ``at``, is long enough to count within a word, or is one by itself."""
    if len(form) >= _WORD:
        return True
    before, after = whole[max(0, at - 1) : at], whole[at + len(form) : at + len(form) + 1]
    return not before.isalnum() and not after.isalnum()


def _is_in(form: bytes, run: bytes) -> bool:
    """Say whether ``run``, decoded from base64, holds ``form``; a short one only in text, such as a login's."""
    if len(form) < _WORD and not all(32 <= one < 127 or not one for one in run):
        return False
    at = run.find(form)
    while at >= 0:
        if _stands(form, run, at):
            return True
        at = run.find(form, at + 1)
    return False


def _folded(text: str) -> str:
    """Return ``text`` in small letters, each in its place; as it is where that cannot be had."""
    small = text.lower()
    return small if len(small) == len(text) else text


def _shared(form: str, text: str, at: int) -> int:
    """Return how many characters of ``form`` stand in ``text`` from ``at`` on."""
    length = 0
    for one, other in zip(form, text[at : at + len(form)], strict=False):
        if one != other:
            break
        length += 1
    return length


def _is_cut(text: str, end: int) -> bool:
    """Say whether what stands before ``end`` may have been cut short there: by a mark, or by a slice of so much."""
    if text[end : end + 1] == "…":
        return True
    if end == len(text):
        return end >= _LEAST_CUT
    quote = text[end]
    return quote in "'\"" and end - text.rfind(quote, 0, end) > _LEAST_CUT


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _starred(whole: AnyStr, stars: AnyStr, start: int, end: int, spans: Iterable[tuple[int, int]]) -> AnyStr:
    """Return ``whole[start:end]``, text or bytes, with stars where a span begins and nothing where it goes on."""
    made, at = whole[:0], start
    for first, last in spans:
        if last <= start or first >= end:
            continue
        if first >= start:
            made += whole[at:first] + stars
        at = min(last, end)
    return made + whole[at:end]
