"""Defaults, level by level: built-in, main file, drop-in file, virtual service, realserver, its entry, probe.

Each level is a mapping of the keys it writes; laid over one another, the nearest wins. Every value remembers where it
was written, so that a complaint points at the line to change.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final, NamedTuple, TypeAlias

from pydantic import BaseModel

from lvsmon.config.complaints import Where
from lvsmon.config.schema import DefaultsSection, Probing
from lvsmon.model import NONE


class Level(IntEnum):
    """Who says so, from far to near."""

    BUILT_IN = 0
    MAIN_FILE = 1
    DROP_IN_FILE = 2
    VIRTUAL = 3
    REALSERVER = 4
    ENTRY = 5
    PROBE = 6


class Setting(NamedTuple):
    """A value, the level that sets it and where; ``where`` is None for built-in ones."""

    value: Any
    level: Level
    where: Where | None


Layer: TypeAlias = Mapping[str, Setting]

TIMING: Final = tuple(Probing.model_fields)
_KEYS: Final = frozenset(DefaultsSection.model_fields)

BUILT_IN_VALUES: Final[Mapping[str, Any]] = {
    "interval": 2.0,
    "timeout": 2.0,
    "rise": 2,
    "fall": 3,
    "weight": 1,
    "forward": "masq",
    "on_failure": "quiesce",
    "port": None,
    "upper_threshold": 0,
    "lower_threshold": 0,
    "tunnel": None,
    "fast_interval": None,
    "down_interval": None,
    "confirm": 0,
    "confirm_interval": 0.05,
    "vantage": "rip",
    "initial": "adopt",
    "warn_share": 100,
    "slow_start": 0.0,
    "flap": None,
    "scheduler": "wlc",
    "floor": NONE,
    "manage": "full",
    "on_drift": "mend",
}
"""What holds where nobody says otherwise; two of them depend on others.

The timeout is never longer than the interval: 2 s is enough for one lost SYN (sent again after 1 s). Where the virtual
service is not of TCP the built-in ``on_failure`` is "remove": UDP has no end of a connection, and a busy client would
stay with a quiesced realserver for ever (trap 4).
"""

BUILT_IN: Final[Layer] = {key: Setting(value, Level.BUILT_IN, None) for key, value in BUILT_IN_VALUES.items()}


def timeout_of(interval: Setting, timeout: Setting) -> float:
    """Return the timeout that holds, in seconds: a built-in one gives way to a shorter interval."""
    return min(timeout.value, interval.value) if timeout.level is Level.BUILT_IN else float(timeout.value)


def layer(section: BaseModel, level: Level, where: Where) -> Layer:
    """Return the cascading keys that ``section`` writes."""
    return {
        key: Setting(getattr(section, key), level, where.at(key)) for key in section.model_fields_set if key in _KEYS
    }
