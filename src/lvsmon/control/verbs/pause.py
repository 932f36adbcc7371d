"""pause: nothing is written to the kernel until somebody says so, or a time is over; a restart does not end it."""

import time
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from lvsmon.control.access import Access
from lvsmon.control.verb import Arguments, Asked, Verb
from lvsmon.control.view import pause_document
from lvsmon.model.pause import MAX_REASON, Pause

LONGEST: Final = 31 * 86400.0
"""Seconds: whoever wants a longer pause does not want a monitor."""


class PauseArguments(Arguments):
    reason: Annotated[str, Field(max_length=MAX_REASON)] = ""
    """For people: shown wherever the pause is."""

    seconds: Annotated[float, Field(gt=0, le=LONGEST)] | None = None
    """How long it lasts; without end where it is not given."""


async def answer(asked: Asked[PauseArguments]) -> Mapping[str, Any]:
    now, wanted = time.time(), asked.arguments
    pause = Pause(
        since=now,
        until=None if wanted.seconds is None else now + wanted.seconds,
        reason=wanted.reason,
        by=await asked.office.name_of(asked.peer),
    )
    report, unsaved = await asked.office.pause(pause)
    held = None if isinstance(report, str) else len(report.held)
    return {"paused": pause_document(pause, held), "unsaved": unsaved}


VERB: Final = Verb(Access.WRITE, PauseArguments, answer)
