"""ldap: a directory that binds and finds what is searched for (RFC 4511), in clear text, over LDAPS or by StartTLS."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from lvsmon.errors import ExpectationFailed, ProbeFailed, ProtocolViolation, Rejected, clip
from lvsmon.model import FactValue, Outcome, Reason, Target
from lvsmon.model.settings import Pattern, Secret
from lvsmon.net.base import Stream
from lvsmon.probes.base import Context, passed
from lvsmon.probes.ldap_results import NO_SUCH_OBJECT, SIZE_LIMIT, demand, refused
from lvsmon.probes.ldap_talk import BINDING, SEARCHING, Talk, leave, start_tls
from lvsmon.probes.optional_tls import OptionalTls
from lvsmon.probes.talk import refuse_vacuous, shown
from lvsmon.wire import ldap_requests
from lvsmon.wire.ldap import (
    BIND_RESPONSE,
    SEARCH_DONE,
    Entry,
    LdapReader,
    Result,
)

MAX_ENTRIES: Final = 1000
"""Entries of one search: what servers give at most where nobody has set another limit (Active Directory)."""

_ATTRIBUTE: Final = re.compile(r"(?:[A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)(?:;[A-Za-z0-9-]+)*")


@dataclass(slots=True)
class _Found:
    """What a search has found: how many entries, the first, and the first that has what is expected."""

    count: int = 0
    first: Entry | None = None
    good: Entry | None = None

    def add(self, entry: Entry, *, good: bool) -> None:
        self.count += 1
        self.first = self.first or entry
        if good:
            self.good = self.good or entry


@dataclass(frozen=True, slots=True, kw_only=True)
class LdapProbe(OptionalTls):
    """Bind, search, and hold what is found against what is expected."""

    kind: ClassVar[str] = "ldap"
    needs_hostname: ClassVar[bool] = False

    bind_dn: str | None = None
    """Distinguished name to bind as, with password; if not given, the bind is anonymous."""
    password: Secret | None = None
    """Password of bind_dn."""
    base: str = ""
    """Entry to search from; "" is the rootDSE, which every server has and shows to everybody."""
    scope: Literal["base", "one", "sub"] = "base"
    """Base: that entry alone; one: the entries right below it; sub: it and all below it."""
    filter: str = "(objectClass=*)"
    """Which entries to find (RFC 4515)."""
    attribute: str | None = None
    """Attribute that an entry found must have, by the name that the server gives it."""
    value: str | None = None
    """One of the attribute's values must be this, to the letter."""
    expect: Pattern | None = None
    """Regular expression that must match in one of the attribute's values; instead of value."""
    min_entries: int = 1
    """How many entries must be found at least."""
    max_entries: int | None = None
    """How many entries may be found at most."""
    login: Literal["required", "optional"] = "required"
    """"optional" passes a refusal that is for who asks, or how: it shows a directory at work, and no more than that."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that contradict each other, decide nothing or that LDAP cannot carry."""
        if (self.bind_dn is None) != (self.password is None):
            raise ValueError("bind_dn and password: give both, or none for an anonymous bind")
        if self.bind_dn is not None and self.password is not None:
            if not self.bind_dn or not self.password.reveal():
                raise ValueError("bind_dn and password: an empty one makes the bind anonymous; leave both out")
            ldap_requests.bind(BINDING, self.bind_dn, self.password.reveal())
        if self.base:
            ldap_requests.check_dn("base", self.base)
        elif self.scope == "one":
            raise ValueError('scope: "one" finds nothing below the rootDSE: set base')
        if self.login == "optional" and self.bind_dn is not None:
            raise ValueError('login: "optional" would take a wrong password for good: leave it out, or bind_dn')
        ldap_requests.search(SEARCHING, self.base, self.scope, self.filter, attribute=None, size_limit=0)
        self._check_attribute()
        self._check_count()
        OptionalTls.__post_init__(self)

    def _check_attribute(self) -> None:
        if self.attribute is None:
            if self.value is not None or self.expect is not None:
                raise ValueError("value and expect: say of which attribute")
            return
        if not _ATTRIBUTE.fullmatch(self.attribute):
            raise ValueError(f'attribute: write the name of one attribute, such as "uid", not {self.attribute!r}')
        if self.value is not None and self.expect is not None:
            raise ValueError("value and expect: give one of them")
        if self.value == "":
            raise ValueError("value: it is empty; leave it out where any value will do")
        refuse_vacuous("expect", self.expect)
        if self.min_entries == 0:
            raise ValueError("min_entries: an attribute is expected, so at least one entry must be found")

    def _check_count(self) -> None:
        most = 1 if self.scope == "base" else MAX_ENTRIES
        if not 0 <= self.min_entries <= most:
            raise ValueError(f'min_entries: write a number from 0 to {most} with scope = "{self.scope}"')
        if self.max_entries is not None and not self.min_entries <= self.max_entries < MAX_ENTRIES:
            raise ValueError(f"max_entries: write a number from min_entries ({self.min_entries}) to {MAX_ENTRIES - 1}")

    @property
    def default_port(self) -> int:
        return 636 if self.tls == "implicit" else 389

    @property
    def comparable(self) -> str | None:
        """The fact that should be the same on all realservers."""
        return None if self.attribute is None else "value"

    @property
    def memory_bound(self) -> int:
        return (4 << 20) + self.tls_memory

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        stream, session = await self.open(target, ctx, start_tls)
        return self.graded(await self._heard(stream), session)

    async def _heard(self, stream: Stream) -> Outcome:
        try:
            return await self._exchange(stream)
        except ProbeFailed as failed:
            if self.login == "required" or failed.reason is not Reason.AUTHENTICATION:
                raise
            await leave(stream)
            return passed(clip(f"it answers: {failed}"))

    async def _exchange(self, stream: Stream) -> Outcome:
        talk = Talk(stream, LdapReader(self._wanted))
        bound_as = "" if self.bind_dn is None else f" as {shown(self.bind_dn.encode(), 80)}"
        password = "" if self.password is None else self.password.reveal()
        await stream.write(ldap_requests.bind(BINDING, self.bind_dn, password))
        demand(await talk.result(BINDING, BIND_RESPONSE), f"the bind{bound_as}")
        found, result = await self._search(talk)
        self._judge(found, result)
        await leave(stream)
        return passed(f"bound{bound_as}, and {self._told(found)}", self._facts(found))

    async def _search(self, talk: Talk) -> tuple[_Found, Result]:
        await talk.stream.write(
            ldap_requests.search(
                SEARCHING,
                self.base,
                self.scope,
                self.filter,
                attribute=self._wanted,
                size_limit=self._size_limit,
            )
        )
        found = _Found()
        while not isinstance(answer := await talk.answer(SEARCHING, SEARCH_DONE), Result):
            if found.count == self._size_limit:
                raise ProtocolViolation(f"more entries than the {self._size_limit} that were asked for")
            found.add(answer, good=self._holds(answer))
        return found, answer

    @property
    def _wanted(self) -> str | None:
        """Return the attribute to ask for; of the rootDSE, what it serves makes a fact."""
        rootdse = not self.base and self.scope == "base"
        return self.attribute or ("namingContexts" if rootdse else None)

    @property
    def _size_limit(self) -> int:
        """Return how many entries are enough to know."""
        if self.scope == "base":
            return 1
        if self.max_entries is not None:
            return self.max_entries + 1
        return MAX_ENTRIES if self.attribute is not None else max(self.min_entries, 1)

    def _judge(self, found: _Found, result: Result) -> None:
        if result.code == NO_SUCH_OBJECT:
            if self.min_entries > 0 or found.count:
                raise ExpectationFailed(refused(result, f"the search from {self._where}"))
        elif result.code == SIZE_LIMIT:
            complete = self.max_entries is None and self.attribute is None
            if found.count < self._size_limit and not (complete and found.count >= self.min_entries):
                raise Rejected(refused(result, f"the search from {self._where}, after {_entries(found.count)},"))
        else:
            demand(result, f"the search from {self._where}")
        if found.count < self.min_entries:
            raise ExpectationFailed(
                f"{_entries(found.count)} found from {self._where} with {shown(self.filter.encode(), 80)}, "
                f"min_entries is {self.min_entries}"
            )
        if self.max_entries is not None and found.count > self.max_entries:
            raise ExpectationFailed(f"more than {_entries(self.max_entries)} found from {self._where}")
        if self.attribute is not None and found.good is None and found.first is not None:
            raise ExpectationFailed(self._what_instead(found.first), facts=self._facts(found))

    def _holds(self, entry: Entry) -> bool:
        """Say whether ``entry`` has the attribute, with the value that is expected."""
        if not entry.values:
            return False
        if self.value is not None:
            return self.value.encode() in entry.values
        return self.expect is None or any(self.expect.search(value) for value in entry.values)

    def _what_instead(self, entry: Entry) -> str:
        which = f"entry {shown(entry.dn, 60)!r}" if entry.dn else "the rootDSE"
        if entry.values is None:
            others = b", ".join(entry.others) or b"none that we may see"
            return f"no {self.attribute}: {which} has other attributes: {shown(others, 120)}"
        said = ", ".join(repr(shown(value, 60)) for value in entry.values[:3])
        wanted = f"is not {self.value!r}" if self.value is not None else "is nothing that expect matches"
        return f"{self.attribute} {wanted}: {which} has {said or 'none'}"

    @property
    def _where(self) -> str:
        return shown(self.base.encode(), 80) or "the rootDSE"

    def _told(self, found: _Found) -> str:
        told = f"{_entries(found.count)} found from {self._where}"
        return told if self.attribute is None else f"{told}, with {self.attribute} {self._value(found)!r}"

    def _value(self, found: _Found) -> str:
        """Return the value that was expected, or else what there is."""
        values = (found.good or found.first or Entry(b"", None)).values or (b"",)
        return shown(next((value for value in values if self._holds(Entry(b"", (value,)))), values[0]))

    def _facts(self, found: _Found) -> Mapping[str, FactValue]:
        facts: dict[str, FactValue] = {"entries": found.count}
        if self.attribute is not None:
            facts["value"] = self._value(found)
        elif found.first is not None and found.first.values:
            facts["naming_contexts"] = shown(b" ".join(found.first.values[:20]))
        return facts


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count or 'no'} entries"
