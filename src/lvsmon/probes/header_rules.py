r"""What the headers of an answer must be, as a setting: [{ name = "Cache-Control", matches = "max-age=\d+" }]."""

from dataclasses import dataclass
from typing import Any, Final

from lvsmon.errors import ExpectationFailed
from lvsmon.model.patterns import Regex
from lvsmon.model.settings import format_pattern
from lvsmon.model.settings import shown as quoted
from lvsmon.probes.tables import at_table, demanding, read_tables, table_list_schema, text, true
from lvsmon.probes.talk import shown
from lvsmon.wire.http1 import TOKEN, Head

MAX_RULES: Final = 32
"""Rules of one answer: those of a careful site's security headers are a dozen."""


@dataclass(frozen=True, slots=True)
class HeaderRule:
    """One header: there, not there, of one value, or matching. Several of one name are joined with commas."""

    name: str
    equals: str | None = None
    matches: Regex | None = None
    absent: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for what is no header's name, or two wishes at once."""
        if not TOKEN.fullmatch(self.name.encode()):
            raise ValueError(f"name: {quoted(self.name)} is not the name of a header")
        if (self.equals is not None) + (self.matches is not None) + self.absent > 1:
            raise ValueError("write only one of equals, matches and absent")

    def judge(self, head: Head) -> None:
        """Raise `ExpectationFailed` where ``head`` is not as wanted."""
        value = head.get(self.name.lower().encode())
        if self.absent:
            if value is not None:
                raise ExpectationFailed(f"expect_headers: there is a header {self.name}: {shown(value, 120)}")
            return
        if value is None:
            raise ExpectationFailed(f"expect_headers: there is no header {self.name}")
        if self.equals is not None and value != self.equals.encode():
            raise ExpectationFailed(
                f"expect_headers: {self.name} is {shown(value, 120)!r}, wanted {shown(self.equals.encode(), 120)!r}"
            )
        if self.matches is not None and not self.matches.search(value):
            raise ExpectationFailed(f"expect_headers: {self.name} does not match: {shown(value, 120)!r}")

    def write(self) -> dict[str, str | bool]:
        """Return the table that this was read from."""
        table: dict[str, str | bool] = {"name": self.name}
        if self.equals is not None:
            table["equals"] = self.equals
        if self.matches is not None:
            table["matches"] = format_pattern(self.matches)
        return {**table, "absent": True} if self.absent else table


@dataclass(frozen=True, slots=True)
class HeaderRules:
    """All rules of one answer."""

    rules: tuple[HeaderRule, ...] = ()

    @classmethod
    def read(cls, value: object) -> "HeaderRules":
        """Return the rules that ``value`` writes; raise ValueError saying what to write."""
        if isinstance(value, HeaderRules):
            return value
        keys = {"name": text, "equals": text, "matches": demanding, "absent": true}
        rules = []
        for number, table in enumerate(read_tables(value, keys, MAX_RULES)):
            if "name" not in table:
                raise ValueError(f"[{number}]: write the name of the header")
            try:
                rules.append(HeaderRule(**table))
            except ValueError as error:
                raise at_table(number, error) from None
        return cls(tuple(rules))

    def judge(self, head: Head) -> None:
        """Raise `ExpectationFailed` where ``head`` is not as wanted."""
        for rule in self.rules:
            rule.judge(head)

    def write(self) -> list[dict[str, str | bool]]:
        """Return what `read` would read back."""
        return [rule.write() for rule in self.rules]

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Read by `read`; in JSON Schema, a list of tables."""
        from pydantic_core import core_schema  # noqa: PLC0415  only the configuration pays for it

        string = core_schema.str_schema()
        keys = {"name": string, "equals": string, "matches": string, "absent": core_schema.literal_schema([True])}
        return table_list_schema(cls.read, keys, frozenset({"name"}))


NO_RULES: Final = HeaderRules()
