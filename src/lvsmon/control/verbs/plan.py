"""plan: what a reload of the present files would change; nothing is changed."""

from collections.abc import Mapping
from typing import Any, Final

from lvsmon.actions.ipvs.table import ipvsadm
from lvsmon.control import coming
from lvsmon.control.access import Access
from lvsmon.control.office import changed_for_good
from lvsmon.control.protocol import Code
from lvsmon.control.verb import Arguments, Asked, Verb
from lvsmon.errors import ConfigError, ControlRefused, IpvsUnavailable


async def answer(asked: Asked[Arguments]) -> Mapping[str, Any]:
    office = asked.office
    try:
        plan = await office.load()
    except ConfigError as error:
        lines = [str(complaint) for complaint in error.complaints]
        raise ControlRefused(Code.CONFIGURATION, "a reload would be refused", lines) from error
    before = office.director.snapshot().plan
    trouble, commands = None, []
    try:
        report = await office.director.preview(plan)
        commands = [ipvsadm(command) for command in report.held]
    except IpvsUnavailable as error:
        trouble = f"IPVS cannot be reached: {error}"
    return {
        "daemon": True,
        "commands": commands,
        "trouble": trouble,
        "probes": coming.probes(before.probes, before.probes, plan),
        "needs_restart": list(changed_for_good(before, plan)),
        "paused": office.director.standing_pause() is not None,
    }


VERB: Final = Verb(Access.READ, Arguments, answer)
