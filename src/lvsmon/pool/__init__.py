"""Which destination has which weight: health, configuration, wishes and the kernel's present table in; a table out.

Pure. `decide` asks the rules one after the other (the list in `lvsmon.pool.decide`); each is a file here.
"""

from lvsmon.pool.decide import decide
from lvsmon.pool.situation import Decided, Memory, Situation

__all__ = ["Decided", "Memory", "Situation", "decide"]
