"""What a verb is: who may use it, what it takes, how it is answered.

A verb is a file in `lvsmon.control.verbs` with a class ``Arguments``, an ``async def answer`` and a constant ``VERB``,
and a line in the table there. It raises `ControlRefused` for what it does not do, with a `Code` and a sentence.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from lvsmon.config.english import explain
from lvsmon.control.access import Access, Peer
from lvsmon.control.office import Office
from lvsmon.control.protocol import Code
from lvsmon.errors import ControlRefused


class Arguments(BaseModel):
    """What a verb takes; the base of the verbs' own, and enough for one that takes nothing."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Taken = TypeVar("Taken", bound=Arguments)
Made = TypeVar("Made")

SIGN_OF_LIFE: Final = 3.0
"""Seconds; a client gives up after `lvsmon.control.client.PATIENCE`."""


@dataclass(frozen=True, slots=True)
class Asked(Generic[Taken]):
    """One request on its way: by whom, with which arguments, of which daemon.

    ``progress`` tells the client a part of the answer, and waits until it has been taken.
    """

    arguments: Taken
    office: Office
    peer: Peer
    progress: Callable[[Mapping[str, Any]], Awaitable[None]]

    async def meanwhile(self, waited: "asyncio.Future[Made]") -> Made:
        """Wait for ``waited`` and give the client signs of life, so that it does not take the daemon for stopped."""
        while not waited.done():
            await asyncio.wait([waited], timeout=SIGN_OF_LIFE)
            if not waited.done():
                await self.progress({})
        return waited.result()


@dataclass(frozen=True, slots=True)
class Verb(Generic[Taken]):
    """``answer`` returns the result: what JSON can hold. It is cancelled when the daemon stops, so what must not be
    left half done is not its own to do, but the `Office`'s.
    """

    access: Access
    arguments: type[Taken]
    answer: Callable[[Asked[Taken]], Awaitable[Mapping[str, Any]]]

    def read(self, arguments: Mapping[str, Any]) -> Taken:
        """Return the arguments, typed; raise `ControlRefused` with everything that is wrong with them."""
        try:
            return self.arguments.model_validate(arguments)
        except ValidationError as error:
            wrong = [
                f"{'.'.join(map(str, one['loc']))}: {explain(one, self.arguments)}"
                for one in error.errors(include_url=False)
            ]
            raise ControlRefused(Code.ARGUMENTS, wrong[0], wrong[1:]) from None
