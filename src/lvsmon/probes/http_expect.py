"""What the answer to an HTTP request must be: settings that every kind which speaks HTTP has."""

from dataclasses import dataclass
from typing import Final

from lvsmon.model.settings import Pattern
from lvsmon.probes.bodies import check_digest
from lvsmon.probes.header_rules import NO_RULES as NO_HEADER_RULES
from lvsmon.probes.header_rules import HeaderRules
from lvsmon.probes.json_rules import MEMORY_FACTOR, JsonRules
from lvsmon.probes.json_rules import NO_RULES as NO_JSON_RULES
from lvsmon.probes.statuses import Statuses
from lvsmon.probes.talk import refuse_vacuous

SUCCESS: Final = Statuses(((200, 299),))
_BODILESS: Final = Statuses(((100, 199), (204, 205), (304, 304)))
"""Statuses whose answers have no body (RFC 9110 sections 6.4.1 and 15.3.6)."""


@dataclass(frozen=True, kw_only=True)
class AnswerSettings:
    """What must be answered. Without slots, so that a kind may have another base beside it."""

    status: Statuses = SUCCESS
    """Statuses that pass: 200, "200-299", or a list of both."""
    expect: Pattern | None = None
    """Regular expression that must match in the body."""
    expect_text: str | None = None
    """Text that the body must hold."""
    expect_absent: Pattern | None = None
    """Regular expression that must not match in the body."""
    expect_headers: HeaderRules = NO_HEADER_RULES
    """What the headers must be: [{ name = "Vary" }, { name = "Server", absent = true }]; or equals, matches."""
    expect_json: JsonRules = NO_JSON_RULES
    """What the body, as JSON, must say: [{ path = "checks[0].state", equals = "ok" }], or matches, absent, at_least."""
    digest: str | None = None
    """Digest that the body must have: "sha256:..." or "md5:...", in hexadecimal."""
    digest_ignore: tuple[Pattern, ...] = ()
    """Regular expressions for what changes from answer to answer: the digest is made without what they match."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that decide nothing."""
        check_digest("digest", self.digest)
        if self.expect_text == "":
            raise ValueError("expect_text: the empty text is in every body, so the probe can never fail")
        refuse_vacuous("expect", self.expect)
        refuse_vacuous("expect_absent", self.expect_absent, "pass")
        for pattern in self.digest_ignore:
            refuse_vacuous("digest_ignore", pattern)
        passing = (status for low, high in self.status.ranges for status in range(low, high + 1))
        if self.looks_into_body and all(status in _BODILESS for status in passing):
            raise ValueError(f"status: an answer of status {self.status} has no body to expect anything in")

    def refuse_body_of_head(self, method: str) -> None:
        """Raise ValueError where something is expected in a body that there cannot be."""
        if method == "HEAD" and self.looks_into_body:
            raise ValueError("method: an answer to HEAD has no body to expect anything in; use GET")

    @property
    def keeps_body(self) -> bool:
        """Whether the text of the answer's body must be kept to be judged."""
        patterns = (self.expect, self.expect_text, self.expect_absent)
        return bool(self.expect_json.rules or self.digest_ignore) or any(one is not None for one in patterns)

    @property
    def body_factor(self) -> int:
        """How many times the body may be held while it is judged."""
        return self.keeps_body * (4 if self.digest_ignore else 3) + MEMORY_FACTOR * bool(self.expect_json.rules)

    @property
    def looks_into_body(self) -> bool:
        return self.keeps_body or self.digest is not None
