"""What an output may want to know of where it goes."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Threshold:
    """The least number of destinations that must be up in each virtual service: a count, or a share in percent."""

    value: float
    percent: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "2" or "50%"; raise ValueError saying what to write."""
        number = text.removesuffix("%")
        percent = number != text
        if not number.isascii() or not number.isdecimal() or (percent and int(number) > 100):
            raise ValueError(f'write a number of destinations such as "2", or a share such as "50%", not {text!r}')
        return cls(int(number), percent)

    def of(self, count: int) -> float:
        """Return the least number for a virtual service of ``count`` destinations."""
        return count * self.value / 100 if self.percent else self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """``width`` is in terminal cells, None where lines need no end (pipe, file); ``arrow`` is what the encoding has."""

    width: int | None = None
    arrow: str = "→"
    warning_below: Threshold = Threshold(100, percent=True)
    critical_below: Threshold = Threshold(1, percent=False)
