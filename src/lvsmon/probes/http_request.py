"""One HTTP request and what its answer must be: the settings of a probe's first request, and of those after it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal, TypeAlias

from lvsmon.model.patterns import Regex
from lvsmon.model.settings import format_pattern, pattern, shown
from lvsmon.probes.header_rules import HeaderRules
from lvsmon.probes.http_expect import AnswerSettings
from lvsmon.probes.http_settings import check_headers, check_line
from lvsmon.probes.json_rules import JsonRules
from lvsmon.probes.statuses import Statuses
from lvsmon.probes.tables import at_table, one_of, read_tables, table_list_schema, text

Method: TypeAlias = Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]

MAX_REQUEST_BODY: Final = 65536
"""Bytes of a request's body: a form or a query; a flow-control window of HTTP/2 is as large from the start."""

MAX_FURTHER: Final = 16
"""Requests after the first: signing in, looking around and signing out take half a dozen."""

_METHODS: Final = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_OWN_HEADERS: Final[Mapping[str, str]] = {
    "host": "use the setting host",
    "user-agent": "use the setting user_agent",
    "connection": "a probe keeps or closes its connection as its requests need it",
    "content-length": "it is the length of body",
    "transfer-encoding": "a probe sends its body in one piece",
    "expect": "a probe sends its body at once",
}


@dataclass(frozen=True, kw_only=True)
class RequestSettings(AnswerSettings):
    """What is asked and what must be answered. Without slots, so that a kind may have another base beside it."""

    path: str = "/"
    """Path and query, sent as written: percent-encode what needs it."""
    method: Method = "GET"
    """Method of the request."""
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Further headers of the request."""
    body: str = ""
    """Body of the request, sent in UTF-8; needs a method that has one, and content_type."""
    content_type: str | None = None
    """What the body is, such as "application/json"."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that make no request, contradict each other or decide nothing."""
        if not self.path.startswith("/") or re.search(r"[\x00-\x20\x7f]", self.path):
            raise ValueError(
                f'path: begin with "/" and write spaces and control characters as %20 and so on: {self.path!r}'
            )
        check_headers(self.headers, _OWN_HEADERS)
        self._check_body()
        AnswerSettings.__post_init__(self)
        self.refuse_body_of_head(self.method)

    def _check_body(self) -> None:
        if self.content_type is not None:
            if not self.content_type:
                raise ValueError('content_type: write for example "application/json"')
            check_line("content_type", self.content_type)
            if any(name.lower() == "content-type" for name in self.headers):
                raise ValueError("content_type: headers holds a Content-Type already; give one or the other")
            if not self.sends_body:
                raise ValueError("content_type: there is no body that it could be of")
        if self.sends_body:
            if self.method not in _WITH_BODY:
                raise ValueError(f'body: {self.method} sends none: write method = "POST", or another that has one')
            if self.content_type is None and not any(name.lower() == "content-type" for name in self.headers):
                raise ValueError('body: say what it is: content_type = "application/json", for example')
        if len(self.body.encode()) > MAX_REQUEST_BODY:
            raise ValueError(f"body: write at most {MAX_REQUEST_BODY} bytes")

    @property
    def sends_body(self) -> bool:
        return bool(self.body)

    def header_lines(self) -> dict[str, str]:
        """Return the headers that this request has of its own, in its own spelling."""
        lines = {} if self.content_type is None else {"Content-Type": self.content_type}
        return {**lines, **self.headers}

    def content(self) -> bytes | None:
        """Return the body; None for a method that has none."""
        return self.body.encode() if self.method in _WITH_BODY else None


@dataclass(frozen=True, kw_only=True)
class FurtherRequest(RequestSettings):
    """A request after the first, with the cookies that were set before it."""

    def write(self) -> dict[str, Any]:
        """Return the table that this was read from."""
        defaults = FurtherRequest()
        table = {}
        for one in fields(self):
            value = getattr(self, one.name)
            if value != getattr(defaults, one.name):
                table[one.name] = _written(value)
        return table


def _written(value: Any) -> Any:
    if isinstance(value, Regex):
        return format_pattern(value)
    if isinstance(value, tuple):
        return [format_pattern(one) for one in value]
    return value.write() if hasattr(value, "write") else value


@dataclass(frozen=True, slots=True)
class FurtherRequests:
    """The requests after the first, in their order."""

    requests: tuple[FurtherRequest, ...] = ()

    @classmethod
    def read(cls, value: object) -> "FurtherRequests":
        """Return the requests that ``value`` writes; raise ValueError saying what to write."""
        if isinstance(value, FurtherRequests):
            return value
        keys = {
            "path": text, "method": one_of(*_METHODS), "headers": _headers, "body": text, "content_type": text,
            "status": Statuses.read, "expect": pattern, "expect_text": text, "expect_absent": pattern,
            "expect_headers": HeaderRules.read, "expect_json": JsonRules.read, "digest": text,
            "digest_ignore": _patterns,
        }  # fmt: skip
        found = []
        for number, table in enumerate(read_tables(value, keys, MAX_FURTHER)):
            try:
                found.append(FurtherRequest(**table))
            except ValueError as error:
                raise at_table(number, error) from None
        return cls(tuple(found))

    def write(self) -> list[dict[str, Any]]:
        """Return what `read` would read back."""
        return [one.write() for one in self.requests]

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Read by `read`; in JSON Schema, a list of tables."""
        from pydantic_core import core_schema  # noqa: PLC0415  only the configuration pays for it

        string = core_schema.str_schema()
        return table_list_schema(
            cls.read,
            {
                **dict.fromkeys(("path", "body", "content_type", "expect", "expect_text", "expect_absent"), string),
                "digest": string,
                "digest_ignore": core_schema.list_schema(string),
                "method": core_schema.literal_schema(list(_METHODS)),
                "headers": core_schema.dict_schema(string, string),
                **{
                    key: one.__get_pydantic_core_schema__(one, handler)
                    for key, one in (("status", Statuses), ("expect_headers", HeaderRules), ("expect_json", JsonRules))
                },
            },
        )


NONE_FURTHER: Final = FurtherRequests()


def _patterns(value: object) -> tuple[Regex, ...]:
    if not isinstance(value, list):
        raise ValueError(f"write a list of regular expressions, not {shown(value)}")  # noqa: TRY004  pydantic's way
    return tuple(map(pattern, value))


def _headers(value: object) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise ValueError(f"write a table of headers, not {shown(value)}")  # noqa: TRY004  pydantic's way
    for name, one in value.items():
        if not isinstance(one, str):
            raise ValueError(f"{name}: write a string, not {shown(one)}")  # noqa: TRY004  pydantic's way
    return value
