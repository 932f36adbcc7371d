"""What a monitoring plugin prints: a line of text, performance data, more of both (the plugin API of Nagios).

    TEXT | performance data
    more text
    more text | more performance data
    yet more performance data

Performance data are ``'label'=value[unit];[warn];[crit];[min];[max]``, parted by blanks; a quote within a label is
doubled. Plugins get it wrong in many ways, so what cannot be read is passed over: it decides nothing.
"""

import re
from dataclasses import dataclass
from typing import Final

MAX_METRICS: Final = 32
"""More than any plugin of the usual collections gives for one service."""

_ITEM: Final = re.compile(
    r"(?:'((?:[^']|''){1,64})'|([^\s='\"]{1,64}))=([-+]?(?:\d{1,30}(?:[.,]\d{0,30})?|[.,]\d{1,30})(?:[eE][-+]?\d{1,3})?)"
    r"([A-Za-z%]{0,8})(?:;\S*)?(?=\s|\Z)"
)


@dataclass(frozen=True, slots=True)
class Metric:
    """One value with its unit of measure ("s", "%", "B", "c", ...), "" for none."""

    label: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class PluginOutput:
    """What a plugin printed: the first line's text, and what could be read of its performance data."""

    text: str
    metrics: tuple[Metric, ...]


def parse(output: bytes) -> PluginOutput:
    """Return what ``output`` says; never raises."""
    first, _, rest = output.decode("utf-8", "backslashreplace").lstrip().partition("\n")
    text, _, data = first.partition("|")
    _, _, more = rest.partition("|")
    metrics: list[Metric] = []
    for item in _ITEM.finditer(f"{data} {more}"):
        if len(metrics) == MAX_METRICS:
            break
        label = item[1].replace("''", "'") if item[1] else item[2]
        metrics.append(Metric(label, float(item[3].replace(",", ".")), item[4]))
    return PluginOutput(text.strip(), tuple(metrics))
