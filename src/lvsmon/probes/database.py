"""What the kinds share that log in to a SQL database and run a query."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lvsmon.errors import ExpectationFailed
from lvsmon.model.settings import Secret
from lvsmon.probes.optional_tls import OptionalTls
from lvsmon.probes.replication import LagSettings
from lvsmon.probes.talk import shown

NOBODY: Final = "lvsmon"
"""User named where none is set: a server asks who it is before it says whether it takes logins, and whoever leaves
without a word counts towards MySQL's max_connect_errors, where a login that is refused does not."""

MAX_ANSWER: Final = 1 << 20
"""Bytes that a server may say in one run; a row is a few."""


@dataclass(frozen=True, kw_only=True)
class QuerySettings(LagSettings, OptionalTls):
    """Settings of a kind that runs a query. Without slots, as its bases."""

    user: str | None = None
    """User to log in as; without, it is enough that the server takes logins."""
    password: Secret | None = None
    """Password of the user; never shown."""
    database: str | None = None
    """Database to use."""
    query: str | None = None
    """SQL to run once logged in; it must give a row."""
    value: str | None = None
    """What the first column of the query's first row must be, exactly."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that contradict each other or decide nothing."""
        LagSettings.__post_init__(self)
        OptionalTls.__post_init__(self)
        for name, text in (("user", self.user), ("database", self.database), ("query", self.query)):
            if text is not None and (not text.strip() or "\0" in text):
                raise ValueError(f"{name}: must not be empty or hold a zero byte")
        if self.value is not None and self.query is None:
            raise ValueError("value: is what query must give: give query too")

    @property
    def memory_bound(self) -> int:
        return 524288 + self.tls_memory

    def refuse_without_user(self, state: str, *, given: bool) -> None:
        """Raise ValueError where something is wanted that takes a login, and there is no user.

        ``state`` is the kind's own such setting, which is ``given`` or not.
        """
        if self.user is None and (self.password or self.query or given or self.limits_lag):
            raise ValueError(f"password, query, {state}, lag_warn and lag_fail: need a user to log in as")

    def hold_against_value(self, row: Sequence[bytes | None] | None) -> None:
        """Raise `ExpectationFailed` where the query's first row is not there or begins with another value."""
        if not row:
            raise ExpectationFailed("the query gives no row")
        if self.value is None:
            return
        wanted = shown(self.value.encode(), 80)
        if row[0] is None:
            raise ExpectationFailed(f"the query gives NULL, not {wanted!r}")
        if row[0] != self.value.encode():
            raise ExpectationFailed(f"the query gives {shown(row[0], 80)!r}, not {wanted!r}")
