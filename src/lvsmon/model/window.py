"""A maintenance window, as the configuration declares it."""

from dataclasses import dataclass
from enum import StrEnum


class Purpose(StrEnum):
    """DISABLE takes the destinations out; QUIET leaves them to their health, and what fails is as planned."""

    DISABLE = "disable"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A time that comes again and again: it begins where the cron expression ``start`` says, on the clocks of
    ``timezone``, and lasts ``duration`` seconds.

    ``scope`` are the destinations it is about, as (virtual service, realserver) by their names.
    """

    name: str
    start: str
    duration: float
    timezone: str
    scope: frozenset[tuple[str, str]]
    purpose: Purpose = Purpose.DISABLE
    comment: str = ""
