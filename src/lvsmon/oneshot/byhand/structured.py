"""A run by hand for programs: JSON of a stable schema, documented in docs/reference/probe.md.

Within one ``version`` keys are only ever added. Texts are raw but for secrets: JSON escapes what is not ASCII.
"""

import json
from typing import Any, Final

from lvsmon.monitor.run import Run, document
from lvsmon.oneshot.byhand.running import exit_code

SCHEMA_VERSION: Final = 1


def one(run: Run) -> str:
    """Return the document of one run."""
    return _written({"version": SCHEMA_VERSION, "exit_code": exit_code([run]), **document(run)})


def many(virtual: str, realserver: str, runs: list[Run]) -> str:
    """Return the document of all runs of one destination."""
    told = {
        "version": SCHEMA_VERSION,
        "exit_code": exit_code(runs),
        "virtual": virtual,
        "realserver": realserver,
        "runs": [document(run) for run in runs],
    }
    return _written(told)


def _written(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2).replace("\x7f", "\\u007f") + "\n"
