"""The state file as coroutines see it: who must know that something is on the disk waits for it, but not for ever."""

import asyncio
from collections.abc import Mapping
from typing import Final

from lvsmon.actions.ipvs.owned import Owned
from lvsmon.errors import StateUnavailable
from lvsmon.model import Pause, ProbeState, Wish
from lvsmon.store.state_keeper import Hold, StateKeeper

PATIENCE: Final = 5.0
"""Seconds that anybody waits for the disk: it must hold up neither a new configuration nor a restart."""


class Saver:
    """Hands over to ``keeper`` and waits."""

    def __init__(self, keeper: StateKeeper, patience: float = PATIENCE) -> None:
        self._keeper = keeper
        self._patience = patience

    async def save(self, states: Mapping[str, ProbeState], owned: Owned) -> None:
        """Save counters and ownership; a disk that fails or hangs is not waited for, and the keeper says so."""
        self._keeper.keep(states, owned)
        await self._settled()

    async def save_pause(self, pause: Pause | None) -> None:
        """Save it before it is in force; raise StateError if that cannot be now: it is tried again."""
        await self._must("pause", lambda store: store.save_pause(pause))

    async def save_wishes(self, wishes: tuple[Wish, ...]) -> None:
        """Save them before they are in force; raise StateError if that cannot be now: it is tried again."""
        await self._must("wishes", lambda store: store.save_wishes(wishes))

    async def _must(self, name: str, hold: Hold) -> None:
        self._keeper.hold(name, hold)
        if not await self._settled():
            raise StateUnavailable("the state file cannot be written now: it is tried again until it can")

    async def _settled(self) -> bool:
        try:
            return await asyncio.wait_for(asyncio.wrap_future(self._keeper.settled()), self._patience)
        except TimeoutError:
            return False
