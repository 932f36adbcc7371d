r"""A scripted network on virtual time: probes run on it without sockets and without an event loop.

A script is what the peer does, step by step:

    ScriptedConnector(Script(Send(b"220 ready\r\n"), Expect(b"QUIT\r\n"), Close()))

`play` steps a coroutine and jumps its clock over every wait, so a probe that waits for its deadline takes no time.
That the script behaves as a real socket does is shown by `lvsmon.testing.stream_conformance`, run over both.
"""

from lvsmon.testing.network.connector import (
    ScriptedConnector,
    ScriptedListener,
    ScriptedRunning,
    run_scripted,
)
from lvsmon.testing.network.peers import ScriptedDatagram, ScriptedEcho
from lvsmon.testing.network.script import (
    LISTENING,
    Close,
    Expect,
    Fate,
    Hang,
    Reset,
    Script,
    ScriptError,
    Secure,
    Send,
    Staple,
    Step,
    Until,
    UntilEnd,
    Wait,
)
from lvsmon.testing.network.stream import ScriptedStream
from lvsmon.testing.network.virtual_time import DeadlinePassed, ScriptedClock, play

__all__ = [
    "LISTENING",
    "Close",
    "DeadlinePassed",
    "Expect",
    "Fate",
    "Hang",
    "Reset",
    "Script",
    "ScriptError",
    "ScriptedClock",
    "ScriptedConnector",
    "ScriptedDatagram",
    "ScriptedEcho",
    "ScriptedListener",
    "ScriptedRunning",
    "ScriptedStream",
    "Secure",
    "Send",
    "Staple",
    "Step",
    "Until",
    "UntilEnd",
    "Wait",
    "play",
    "run_scripted",
]
