"""Sets of statuses, HTTP's and its kin's, as a setting: 200, "200-299", [200, 204, "300-399"]."""

import re
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from lvsmon.model.settings import shown

_RANGE: Final = re.compile(r"([1-6]\d\d)(?:-([1-6]\d\d))?")


@dataclass(frozen=True, slots=True)
class Statuses:
    """Ranges of statuses, both ends included."""

    lowest: ClassVar[int] = 100
    highest: ClassVar[int] = 599

    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def read(cls, value: object) -> "Statuses":
        """Return the set that ``value`` writes; raise ValueError saying what to write."""
        if isinstance(value, Statuses):
            return value
        parts = value if isinstance(value, list | tuple) else [value]
        ranges = []
        for part in parts:
            found = _RANGE.fullmatch(str(part)) if isinstance(part, int | str) and not isinstance(part, bool) else None
            low, high = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
            if low < cls.lowest or high > cls.highest:
                raise ValueError(f"{cls._help()}, not {shown(part)}")
            if low > high:
                raise ValueError(f"the range {part} is empty: write the smaller status first")
            ranges.append((low, high))
        if not ranges:
            raise ValueError(f"no status at all can pass: {cls._help()}")
        return cls(tuple(ranges))

    @classmethod
    def _help(cls) -> str:
        return f'write a status from {cls.lowest} to {cls.highest}, a range such as "200-299", or a list of them'

    def write(self) -> list[int | str]:
        """Return what `read` would read back."""
        return [low if low == high else f"{low}-{high}" for low, high in self.ranges]

    def __contains__(self, status: int) -> bool:
        return any(low <= status <= high for low, high in self.ranges)

    def __str__(self) -> str:
        return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in self.ranges)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Read by `read`; in JSON Schema, a number, a string or a list of them."""
        from pydantic_core import core_schema  # noqa: PLC0415  only the configuration pays for it

        number = core_schema.int_schema(ge=cls.lowest, le=cls.highest)
        one = core_schema.union_schema([number, core_schema.str_schema()])
        return core_schema.no_info_plain_validator_function(
            cls.read, json_schema_input_schema=core_schema.union_schema([one, core_schema.list_schema(one)])
        )


class FinalStatuses(Statuses):
    """Statuses of SIP's final responses (RFC 3261 section 7.2)."""

    __slots__ = ()
    lowest: ClassVar[int] = 200
    highest: ClassVar[int] = 699
