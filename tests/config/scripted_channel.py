"""A kind of channel for tests of the configuration."""

from dataclasses import dataclass
from typing import ClassVar

from lvsmon.model.settings import Duration, Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedChannel:
    """Take everything."""

    kind: ClassVar[str] = "scripted"

    place: str
    """Where it goes."""
    password: Secret | None = None
    """What it logs in with."""
    timeout: Duration = 5.0
    """Time that one try may take."""

    def __post_init__(self) -> None:
        if self.place == "nowhere":
            raise ValueError("place: write somewhere")

    async def deliver(self, alert, /):
        pass
