"""resume: the monitor writes again; the answer is what it wrote."""

from collections.abc import Mapping
from typing import Any, Final

from lvsmon.control.access import Access
from lvsmon.control.verb import Arguments, Asked, Verb
from lvsmon.control.verbs.reload import written
from lvsmon.control.view import pause_document


async def answer(asked: Asked[Arguments]) -> Mapping[str, Any]:
    pause = asked.office.director.standing_pause()
    report, unsaved = await asked.office.pause(None)
    return {"was": pause_document(pause, None), "unsaved": unsaved, **written(report)}


VERB: Final = Verb(Access.WRITE, Arguments, answer)
