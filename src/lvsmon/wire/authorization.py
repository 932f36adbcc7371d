"""Challenges of a server and answers to them, by the schemes Basic and Digest (RFC 9110 section 11, 7617, 7616, 2069).

RTSP (RFC 2326, RFC 7826 section 19.1) took both over from HTTP. Digest without qop is what RFC 2069 says, and what many
cameras and media servers speak to this day.
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from lvsmon.errors import ProtocolViolation

MAX_CHALLENGES: Final = 16
"""Challenges of one answer: a server of every scheme and algorithm sends five."""

_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SCHEME: Final = re.compile(rf"[ \t,]*({_WORD})(?:[ \t]+|(?=,)|\Z)(?![ \t]*=)")
_PARAMETER: Final = re.compile(
    rf'[ \t,]*({_WORD})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|({_WORD}))[ \t]*(?=,|\Z)', re.DOTALL
)
_TOKEN68: Final = re.compile(r"[ \t]*[A-Za-z0-9._~+/-]+=*[ \t]*(?=,|\Z)")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_ALGORITHMS: Final = {"SHA-256": "sha256", "MD5": "md5"}
"""What a digest may be made by: the stronger first."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a server wants: a scheme in lower case, and its parameters by their names in lower case."""

    scheme: str
    parameters: Mapping[str, str]

    @property
    def stale(self) -> bool:
        """Whether only the nonce was too old: the password may well be right (RFC 7616 section 3.3)."""
        return self.parameters.get("stale", "").lower() == "true"

    @property
    def algorithm(self) -> str:
        return self.parameters.get("algorithm", "MD5").upper()

    @property
    def strength(self) -> int:
        """How willingly this is answered: the higher the better, 0 for what cannot be."""
        if self.scheme == "basic":
            return 1
        known = [*reversed(_ALGORITHMS)]
        base = self.algorithm.removesuffix("-SESS")
        if self.scheme != "digest" or base not in known or not {"realm", "nonce"} <= self.parameters.keys():
            return 0
        return 0 if self._qop is None else 2 + known.index(base)

    @property
    def _qop(self) -> str | None:
        """Return the quality of protection to use: "" where none is offered, None where it is none that we have."""
        offered = self.parameters.get("qop")
        if offered is None:
            return ""
        return "auth" if "auth" in {each.strip().lower() for each in offered.split(",")} else None

    def answer(self, method: str, uri: str, login: tuple[str, str], *, cnonce: str, count: int) -> str:
        """Return the value of the Authorization header; ``cnonce`` is random, ``count`` that of uses of the nonce.

        ``login`` is the user's name and password.
        """
        username, password = login
        if self.scheme == "basic":
            return "Basic " + b64encode(f"{username}:{password}".encode()).decode("ascii")
        realm, nonce = self.parameters["realm"], self.parameters["nonce"]
        secret = self._hash(f"{username}:{realm}:{password}")
        if self.algorithm.endswith("-SESS"):
            secret = self._hash(f"{secret}:{nonce}:{cnonce}")
        asked = self._hash(f"{method}:{uri}")
        said = [f"username={_quoted(username)}", f"realm={_quoted(realm)}", f"nonce={_quoted(nonce)}"]
        said.append(f"uri={_quoted(uri)}")
        if self._qop:
            proof = self._hash(f"{secret}:{nonce}:{count:08x}:{cnonce}:auth:{asked}")
            said += ["qop=auth", f"nc={count:08x}"]
        else:
            proof = self._hash(f"{secret}:{nonce}:{asked}")
        if self._qop or self.algorithm.endswith("-SESS"):
            said.append(f"cnonce={_quoted(cnonce)}")
        said.append(f"response={_quoted(proof)}")
        if "algorithm" in self.parameters:
            said.append(f"algorithm={self.parameters['algorithm']}")
        if "opaque" in self.parameters:
            said.append(f"opaque={_quoted(self.parameters['opaque'])}")
        return "Digest " + ", ".join(said)

    def _hash(self, text: str) -> str:
        name = _ALGORITHMS[self.algorithm.removesuffix("-SESS")]
        return hashlib.new(name, text.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()


def challenges(values: Iterable[bytes]) -> list[Challenge]:
    """Return the challenges in ``values``, the fields WWW-Authenticate of an answer; raise `ProtocolViolation`."""
    found: list[Challenge] = []
    for value in values:
        text, at = value.decode("utf-8", "surrogateescape"), 0
        if _CONTROL.search(text):
            raise ProtocolViolation(f"a challenge with control characters: {value[:80]!r}")
        while text[at:].strip(" \t,"):
            scheme = _SCHEME.match(text, at)
            if scheme is None or len(found) == MAX_CHALLENGES:
                raise ProtocolViolation(f"not a challenge that can be read: {value[:80]!r}")
            parameters, at = _parameters(text, scheme.end())
            found.append(Challenge(scheme[1].lower(), parameters))
    return found


def _parameters(text: str, at: int) -> tuple[Mapping[str, str], int]:
    """Return the parameters from ``at`` on, and where they end."""
    parameters: dict[str, str] = {}
    while (found := _PARAMETER.match(text, at)) is not None:
        value = found[3] if found[2] is None else _ESCAPE.sub(r"\1", found[2])
        parameters.setdefault(found[1].lower(), value)
        at = found.end()
    if not parameters and (found := _TOKEN68.match(text, at)) is not None:
        at = found.end()  # Negotiate and its kin, which nobody asks for
    return parameters, at


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
