"""A small process that starts programs for lvsmon, bounds them and ends them.

It runs beside lvsmon, as ``python -I -S`` of this folder, and loads nothing of lvsmon but this room. A fork of a small
process with one thread is cheap and safe, may set limits and a user before it executes, and holds up nobody's event
loop. It is what programs are children of: it reaps them and what they leave behind, and when lvsmon ends, however it
ends, it ends them.

Standard input is a socket (SOCK_SEQPACKET). Each message on it asks for one program: JSON, and with it one descriptor
of a stream on which the answer goes back, and perhaps another of what the program is to read. The answer is a line of
JSON and the program's output. Who asked gives up by closing its end: the program's process group gets TERM, and KILL
half a second later.

No program is started while an earlier one of the same identity is still being ended; where that one
cannot even be killed (it hangs in the kernel), the answer says so. So nothing piles up.
"""

from typing import Final

MAX_REQUEST: Final = 1 << 17
"""Bytes of a request; Linux takes no single argument longer than this either."""

RUNAWAY: Final = 16 << 20
"""Bytes of output after which a program is killed: what a monitor says is a thousandth of it."""

STARTED: Final = b"+"
"""What comes before the answer, at once: the program runs. An answer begins with another byte."""
