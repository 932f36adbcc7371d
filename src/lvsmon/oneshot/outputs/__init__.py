"""The forms in which a look is told, one file each: a report in, text out, no input or output of their own."""

from collections.abc import Mapping
from typing import Final

OUTPUTS: Final[Mapping[str, str]] = {
    "table": "lvsmon.oneshot.outputs.table",
    "json": "lvsmon.oneshot.outputs.structured",
    "nagios": "lvsmon.oneshot.outputs.nagios",
    "prometheus": "lvsmon.oneshot.outputs.prometheus",
}
"""Each module has ``render(report, layout) -> (text, exit code)``."""
