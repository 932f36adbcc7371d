"""What the JSON of an answer must say, as a setting: [{ path = "status", equals = "ok" }]."""

import json
import re
from dataclasses import dataclass, field
from math import isnan
from typing import Any, Final, NoReturn, TypeAlias

from lvsmon.errors import ExpectationFailed
from lvsmon.model.patterns import Regex
from lvsmon.model.settings import format_pattern
from lvsmon.model.settings import shown as quoted
from lvsmon.probes.json_path import Segment, parse, select
from lvsmon.probes.tables import at_table, demanding, read_tables, table_list_schema, text, true
from lvsmon.probes.talk import shown

MAX_RULES: Final = 32
"""Rules of one answer: more is a test suite."""

MAX_DEPTH: Final = 100
"""Objects and arrays within each other: a health page has five; Python's own parser gives up at several hundred, which
differs from one version to the next."""

MEMORY_FACTOR: Final = 48
"""Bytes of memory for a byte of JSON, at most: objects of one member within each other take 38 on Python 3.11, as a
test measures."""

Scalar: TypeAlias = str | int | float | bool

_BRACKETS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"?|([\[{])|([\]}])', re.DOTALL)


@dataclass(frozen=True, slots=True)
class JsonRule:
    """What one path leads to. Behind a wildcard every value must be so, and there must be one."""

    path: str
    equals: Scalar | None = None
    matches: Regex | None = None
    at_least: float | None = None
    at_most: float | None = None
    absent: bool = False
    segments: tuple[Segment, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise ValueError for what is no path, or wishes that exclude each other."""
        try:
            object.__setattr__(self, "segments", parse(self.path))
        except ValueError as error:
            raise ValueError(f"path: {error}, not {quoted(self.path)}") from None
        bounded = self.at_least is not None or self.at_most is not None
        if (self.equals is not None) + (self.matches is not None) + bounded + self.absent > 1:
            raise ValueError("write only one of equals, matches, absent, and at_least with at_most")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError("at_least: is more than at_most, so nothing can pass")

    def judge(self, document: Any) -> None:
        """Raise `ExpectationFailed` where the document is not as wanted."""
        found = False
        for value in select(document, self.segments):
            found = True
            if self.absent:
                raise ExpectationFailed(f"expect_json: there is {self.path}: {_told(value)}")
            self._judge_value(value)
        if not found and not self.absent:
            raise ExpectationFailed(f"expect_json: there is no {self.path} in the JSON")

    def _judge_value(self, value: Any) -> None:
        if self.equals is not None and not _same(value, self.equals):
            raise ExpectationFailed(f"expect_json: {self.path} is {_told(value)}, wanted {_told(self.equals)}")
        if self.matches is not None and not self.matches.search(_text(value)):
            raise ExpectationFailed(f"expect_json: {self.path} does not match: {_told(value)}")
        if self.at_least is None and self.at_most is None:
            return
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ExpectationFailed(f"expect_json: {self.path} is no number: {_told(value)}")
        if self.at_least is not None and value < self.at_least:
            raise ExpectationFailed(f"expect_json: {self.path} is {_told(value)}, less than {self.at_least:g}")
        if self.at_most is not None and value > self.at_most:
            raise ExpectationFailed(f"expect_json: {self.path} is {_told(value)}, more than {self.at_most:g}")

    def write(self) -> dict[str, Scalar]:
        """Return the table that this was read from."""
        given = {"path": self.path, "equals": self.equals, "at_least": self.at_least, "at_most": self.at_most}
        table: dict[str, Scalar] = {key: value for key, value in given.items() if value is not None}
        if self.matches is not None:
            table["matches"] = format_pattern(self.matches)
        return {**table, "absent": True} if self.absent else table


@dataclass(frozen=True, slots=True)
class JsonRules:
    """All rules of one answer."""

    rules: tuple[JsonRule, ...] = ()

    @classmethod
    def read(cls, value: object) -> "JsonRules":
        """Return the rules that ``value`` writes; raise ValueError saying what to write."""
        if isinstance(value, JsonRules):
            return value
        keys = {
            "path": text, "equals": _scalar, "matches": demanding, "at_least": _number, "at_most": _number,
            "absent": true,
        }  # fmt: skip
        rules = []
        for number, table in enumerate(read_tables(value, keys, MAX_RULES)):
            if "path" not in table:
                raise ValueError(f'[{number}]: write the path into the JSON, "$" for all of it')
            try:
                rules.append(JsonRule(**table))
            except ValueError as error:
                raise at_table(number, error) from None
        return cls(tuple(rules))

    def judge(self, body: bytes | bytearray) -> None:
        """Raise `ExpectationFailed` where ``body`` is no JSON or not as wanted."""
        document = document_of(body)
        for rule in self.rules:
            rule.judge(document)

    def write(self) -> list[dict[str, Scalar]]:
        """Return what `read` would read back."""
        return [rule.write() for rule in self.rules]

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Read by `read`; in JSON Schema, a list of tables."""
        from pydantic_core import core_schema  # noqa: PLC0415  only the configuration pays for it

        string, number = core_schema.str_schema(), core_schema.float_schema()
        scalar = core_schema.union_schema([string, number, core_schema.bool_schema()])
        keys = {
            "path": string, "equals": scalar, "matches": string, "at_least": number, "at_most": number,
            "absent": core_schema.literal_schema([True]),
        }  # fmt: skip
        return table_list_schema(cls.read, keys, frozenset({"path"}))


NO_RULES: Final = JsonRules()


def document_of(body: bytes | bytearray) -> Any:
    """Return what the JSON text ``body`` says (RFC 8259); raise `ExpectationFailed` where it is none.

    Of a name that an object has twice the last value counts, as in browsers.
    """
    depth = 0
    for found in _BRACKETS.finditer(body):
        depth += (found[1] is not None) - (found[2] is not None)
        if depth > MAX_DEPTH:
            raise ExpectationFailed(f"expect_json: the JSON is nested more than {MAX_DEPTH} deep")
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:  # not UTF-8, or a number of thousands of digits, among others
        raise ExpectationFailed(
            f"expect_json: the body is not JSON ({error}), it begins with {shown(body, 80)!r}"
        ) from None


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no value of JSON")


def _same(value: Any, wanted: Scalar) -> bool:
    """``true`` is not 1; 1 is 1.0, for JSON has one kind of numbers."""
    return isinstance(value, bool) is isinstance(wanted, bool) and bool(value == wanted)


def _text(value: Any) -> bytes:
    return (value if isinstance(value, str) else json.dumps(value)).encode("utf-8", "surrogatepass")


def _told(value: Any) -> str:
    if isinstance(value, dict | list):
        return ("an object" if isinstance(value, dict) else "an array") + f" of {len(value)}"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**20:
        return "a number of more than 20 digits"
    return shown(json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace"), 80)


def _scalar(value: object) -> Scalar:
    if not isinstance(value, str | int | float):
        raise ValueError(f"write a string, a number, true or false, not {quoted(value)}")  # noqa: TRY004  pydantic's way
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or isnan(value):
        raise ValueError(f"write a number, not {quoted(value)}")
    return value
