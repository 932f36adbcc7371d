"""What is done about health: the IPVS table (`ipvs`), and the kinds of channels that carry alerts.

The table of built-in channels has one line each; a kind's module is loaded when it is first named.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from lvsmon.alerts.channel import Channel

CHANNELS: Final[Mapping[str, str]] = {
    "email": "lvsmon.actions.email:EmailChannel",
    "exec": "lvsmon.actions.exec:ExecChannel",
    "file": "lvsmon.actions.file:FileChannel",
    "journal": "lvsmon.actions.journal:JournalChannel",
    "snmptrap": "lvsmon.actions.snmptrap:SnmptrapChannel",
    "syslog": "lvsmon.actions.syslog:SyslogChannel",
    "webhook": "lvsmon.actions.webhook:WebhookChannel",
}


def load(kind: str) -> type[Channel]:
    """Return the class of the channel ``kind``; raise KeyError if there is none."""
    module, _, name = CHANNELS[kind].partition(":")
    found: type[Channel] = getattr(import_module(module), name)
    return found
