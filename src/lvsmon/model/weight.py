"""The weight that a realserver asks for, as a program, a file or an agent tells it."""

from dataclasses import dataclass
from typing import Final

MAX_WEIGHT: Final = 65535
"""What lvsmon gives a destination at most, configured or asked for; the kernel multiplies weights in 32 bits."""


@dataclass(frozen=True, slots=True)
class Weight:
    """A weight in place of the configured one, or a share of it in percent."""

    value: int
    percent: bool = False

    def of(self, configured: int) -> int:
        """Return the weight of a destination whose configuration says ``configured``, from 0 to `MAX_WEIGHT`.

        A share is rounded up, as HAProxy does, so that no share above 0 takes a destination out. A configured weight
        of 0 stays 0: it is the operator's wish that nothing new comes.
        """
        if configured <= 0:
            return 0
        asked = -(-configured * self.value // 100) if self.percent else self.value
        return max(0, min(asked, MAX_WEIGHT))

    def __str__(self) -> str:
        return f"{self.value}%" if self.percent else str(self.value)

    @classmethod
    def parse(cls, text: str) -> "Weight":
        """Return what `str` wrote; raise ValueError for anything else."""
        number = text.removesuffix("%")
        if not (number.isascii() and number.isdigit() and len(number) <= _DIGITS):
            raise ValueError(f"not a weight: {text[:20]!r}")
        return cls(int(number), percent=text.endswith("%"))


_DIGITS: Final = 9
"""More digits than any weight has; a number of thousands of digits takes long to read."""
