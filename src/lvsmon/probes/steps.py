r"""A dialogue in steps, as a setting: [{ expect = "^220 .*\\n" }, { send = "STARTTLS\\r\\n" }, { starttls = true }]."""

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from lvsmon.model.patterns import Regex
from lvsmon.model.settings import escaped, format_escaped, format_pattern, hexadecimal, pattern, shown

MAX_STEPS: Final = 64
"""Steps of one dialogue: a login and a query take a dozen."""

_HELP: Final = "write each step as a table with one of send, send_hex, expect, or starttls = true"


@dataclass(frozen=True, slots=True)
class Say:
    """Bytes to send."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Hear:
    """What must match in what the realserver sends after the match before."""

    expect: Regex


@dataclass(frozen=True, slots=True)
class StartTls:
    """The TLS handshake; what was heard before it and not matched is forgotten (RFC 3207 section 4.2)."""


Step: TypeAlias = Say | Hear | StartTls


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps in their order."""

    steps: tuple[Step, ...] = ()

    @classmethod
    def read(cls, value: object) -> "Steps":
        """Return the dialogue that ``value`` writes; raise ValueError saying what to write."""
        if isinstance(value, Steps):
            return value
        if not isinstance(value, list | tuple) or len(value) > MAX_STEPS:
            raise ValueError(f"write a list of at most {MAX_STEPS} steps, not {shown(value)}")
        return cls(tuple(_step(number, one) for number, one in enumerate(value)))

    def split(self) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
        """Return what comes before TLS starts and what comes after it."""
        for number, step in enumerate(self.steps):
            if isinstance(step, StartTls):
                return self.steps[:number], self.steps[number + 1 :]
        return self.steps, ()

    @property
    def starts_tls(self) -> int:
        """How often TLS starts."""
        return sum(isinstance(step, StartTls) for step in self.steps)

    def write(self) -> list[dict[str, str | bool]]:
        """Return what `read` would read back."""
        return [_written(step) for step in self.steps]

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Read by `read`; in JSON Schema, a list of tables."""
        from pydantic_core import core_schema  # noqa: PLC0415  only the configuration pays for it

        text = core_schema.typed_dict_field(core_schema.str_schema(), required=False)
        starttls = core_schema.typed_dict_field(core_schema.literal_schema([True]), required=False)
        table = core_schema.typed_dict_schema(
            {"send": text, "send_hex": text, "expect": text, "starttls": starttls}, extra_behavior="forbid"
        )
        return core_schema.no_info_plain_validator_function(
            cls.read, json_schema_input_schema=core_schema.list_schema(table)
        )


def _step(number: int, value: object) -> Step:
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError(f"step {number}: {_HELP}, not {shown(value)}")
    ((key, written),) = value.items()
    try:
        match key:
            case "send":
                return Say(_something(escaped(written)))
            case "send_hex":
                return Say(_something(hexadecimal(written)))
            case "expect":
                return Hear(_wanting(pattern(written)))
            case "starttls" if written is True:
                return StartTls()
    except ValueError as error:
        raise ValueError(f"step {number}: {key}: {error}") from None
    raise ValueError(f"step {number}: {_HELP}, not {shown(key)}")


def _something(data: bytes) -> bytes:
    if not data:
        raise ValueError("nothing would be sent: leave the step out")
    return data


def _wanting(expect: Regex) -> Regex:
    if expect.search(b""):
        raise ValueError("it matches even the empty text, so the step can never fail")
    return expect


def _written(step: Step) -> dict[str, str | bool]:
    match step:
        case Say(data):
            return {"send": format_escaped(data)}
        case Hear(expect):
            return {"expect": format_pattern(expect)}
        case StartTls():
            return {"starttls": True}
