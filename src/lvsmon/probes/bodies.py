"""Gathering a body within a bound: its text, its digest, decoded where it came compressed."""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from lvsmon.errors import ExpectationFailed
from lvsmon.model.patterns import Regex
from lvsmon.wire.content_coding import Decoder

_DIGEST: Final = re.compile(r"(?:sha256:[0-9a-f]{64}|md5:[0-9a-f]{32})")
_ALGORITHMS: Final = {"sha256": hashlib.sha256, "md5": hashlib.md5}
_PIECE: Final = 65536
_SHOWN: Final = 128  # bytes kept in any case, to show how a body begins


def check_digest(setting: str, value: str | None) -> None:
    """Raise ValueError where ``value`` is no digest."""
    if value is not None and not _DIGEST.fullmatch(value):
        raise ValueError(f'{setting}: write "sha256:" and 64 hexadecimal digits in lower case, or "md5:" and 32')


def without(text: bytes, ignore: Sequence[Regex]) -> bytes:
    """Return what ``ignore``, the setting digest_ignore, leaves of ``text``; raise `ExpectationFailed` if it cannot."""
    for pattern in ignore:
        try:
            text = pattern.without(text)
        except ValueError as error:
            raise ExpectationFailed(
                f"digest_ignore: {pattern.pattern.decode()!r:.60}: {error}; match more at once"
            ) from None
    return text


class BodyText:
    """Takes a body piece by piece and keeps what is asked of it, at most ``limit`` bytes.

    ``full`` says that the body is larger than that: the rest need not be read.
    """

    __slots__ = ("_decoder", "_hash", "_keep", "_limit", "full", "received", "size", "text")

    def __init__(self, limit: int, *, keep: bool, algorithm: str, coding: bytes | None) -> None:
        """``coding`` is the Content-Encoding; raise `ExpectationFailed` for one that cannot be decoded."""
        name = (coding or b"").decode("ascii", "replace").strip().lower()
        try:
            self._decoder = Decoder(name) if name not in {"", "identity"} else None
        except ValueError:
            raise ExpectationFailed(
                f"the body is encoded as {name!r:.60}, though no encoding was asked for, and cannot be looked into"
            ) from None
        self._hash = _ALGORITHMS[algorithm](usedforsecurity=False)
        self._keep = keep
        self._limit = limit
        self.text = bytearray()
        self.received = 0
        self.size = 0
        self.full = False

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def digest_without(self, ignore: Sequence[Regex]) -> str:
        """Return the digest of what `without` leaves of the body, which must be kept for that."""
        if not ignore:
            return self.digest
        left = without(bytes(self.text), ignore)
        return hashlib.new(self._hash.name, left, usedforsecurity=False).hexdigest()

    @property
    def complete(self) -> bool:
        """Whether compressed data has come to its own end."""
        return self._decoder is None or self._decoder.whole or not self.received

    def add(self, data: bytes) -> None:
        """Take more of the body; raise `ProtocolViolation` where it is not encoded as it says."""
        self.received += len(data)
        if self._decoder is None:
            self._take(data)
        else:
            while not self.full and (piece := self._decoder.decode(data, _PIECE)):
                self._take(piece)
                data = b""
        self.full = self.full or self.received > self._limit

    def _take(self, piece: bytes) -> None:
        room = self._limit - self.size
        if len(piece) > room:
            self.full = True
            piece = piece[:room]
        self.size += len(piece)
        self._hash.update(piece)
        self.text += piece if self._keep else piece[: max(0, _SHOWN - len(self.text))]
