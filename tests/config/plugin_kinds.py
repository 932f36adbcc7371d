"""Kinds that tests offer as plug-ins: with secrets, of UDP, with every type of setting, and broken ones."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.metadata import EntryPoint
from typing import Annotated, ClassVar

from lvsmon.model.settings import Duration, Pattern, Secret, Size
from lvsmon.probes.base import passed


class Mode(StrEnum):
    FAST = "fast"
    SLOW = "slow"


class _Base:
    uses_hostname: ClassVar[bool] = False
    needs_hostname: ClassVar[bool] = False
    memory_bound: ClassVar[int] = 65536

    async def check(self, target, ctx, /):
        return passed()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginProbe(_Base):
    """Log in."""

    kind: ClassVar[str] = "login"
    uses_hostname: ClassVar[bool] = True
    user: str = "probe"
    """Who."""
    password: Secret
    """The word."""
    token: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoProbe(_Base):
    kind: ClassVar[str] = "echo"
    transport: ClassVar[str] = "udp"
    mode: Mode = Mode.FAST
    codes: tuple[int, ...] = (200, 204)
    names: frozenset[str] = frozenset()
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: Duration = 0.5
    limit: Size = 65536
    expect: Pattern | None = None
    ratio: float = 1.0
    strict: bool = True
    depth: Annotated[int, "no mark of ours"] | None = None
    digest: str | None = None

    def __post_init__(self):
        if self.expect and self.digest:
            raise ValueError("expect and digest exclude each other: leave one out")


@dataclass(frozen=True, slots=True, kw_only=True)
class GreedyProbe(_Base):
    kind: ClassVar[str] = "greedy"
    timeout: int = 1


class NoDataclass(_Base):
    kind: ClassVar[str] = "bare"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleProbe:
    kind: ClassVar[str] = "idle"


KINDS = {
    "login": "LoginProbe",
    "echo": "EchoProbe",
    "greedy": "GreedyProbe",
    "bare": "NoDataclass",
    "absent": "Nothing",
    "idle": "IdleProbe",
}


def entry_points(group):
    return [EntryPoint(name, f"config.plugin_kinds:{value}", group) for name, value in KINDS.items()]
