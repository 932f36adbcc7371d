"""reload: load the files anew, whole or not at all; the answer is what was done, or everything wrong with them."""

from collections.abc import Mapping
from typing import Any, Final

from lvsmon.actions.ipvs.reconcile import Report
from lvsmon.actions.ipvs.table import ipvsadm
from lvsmon.control.access import Access
from lvsmon.control.protocol import Code
from lvsmon.control.verb import Arguments, Asked, Verb
from lvsmon.errors import ConfigError, ControlRefused


async def answer(asked: Asked[Arguments]) -> Mapping[str, Any]:
    try:
        done = await asked.office.reload()
    except ConfigError as error:
        lines = [str(complaint) for complaint in error.complaints]
        raise ControlRefused(Code.CONFIGURATION, "the configuration loaded before stays in force", lines) from error
    return {
        "virtual_services": len(done.plan.virtuals),
        "probes": {"kept": done.kept, "new": done.came, "gone": done.gone},
        "needs_restart": list(done.restart),
        **written(done.report),
    }


def written(report: Report | str) -> dict[str, Any]:
    """Return what a reconcile did, or why there was none, as parts of a result."""
    if isinstance(report, str):
        return {"written": [], "refused": [], "trouble": report}
    return {
        "written": [ipvsadm(command) for command in report.written],
        "refused": [{"command": ipvsadm(command), "error": str(error)} for command, error in report.refused],
        "trouble": None,
    }


VERB: Final = Verb(Access.WRITE, Arguments, answer)
