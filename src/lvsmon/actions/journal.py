"""journal: an entry in systemd's journal, with fields (systemd.io/JOURNAL_NATIVE_PROTOCOL)."""

import re
from dataclasses import dataclass
from typing import ClassVar, Final

from lvsmon.actions.clean import lines, one_line
from lvsmon.actions.local_socket import refuse_path, send
from lvsmon.actions.severities import syslog_severity
from lvsmon.actions.syslog_format import facts_of
from lvsmon.alerts.alert import Alert
from lvsmon.model.settings import Duration, shown

MAX_TEXT: Final = 16384
"""Characters of the text: at most 64 KiB, so that an entry fits a datagram and needs no memory file of its own."""

_MAX_FIELD: Final = 500
_MESSAGE_ID: Final = "3ba1f5a7c0a94d9c9a0b1d7c52e7f6d4"
"""What is the same in all alerts of lvsmon (sd_journal_print(3)): journalctl MESSAGE_ID=… shows them all."""

_NAME: Final = re.compile(r"[!-~]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalChannel:
    """Write each alert as one entry: subject and text as its message, what programs ask for as fields."""

    kind: ClassVar[str] = "journal"

    path: str = "/run/systemd/journal/socket"
    """Socket of the journal."""
    identifier: str = "lvsmon"
    """Name of the program in the entries (SYSLOG_IDENTIFIER)."""
    timeout: Duration = 10.0
    """Time that one try may take."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that cannot work."""
        refuse_path(self.path)
        if not _NAME.fullmatch(self.identifier):
            raise ValueError(f"identifier: write at most 64 printable ASCII characters, not {shown(self.identifier)}")
        if not self.timeout > 0:
            raise ValueError("timeout: write a time that is not 0")

    async def deliver(self, alert: Alert, /) -> None:
        """Hand the entry to the journal's queue: as soon as there is room, it is taken."""
        await send(self, self.path, entry(self.fields(alert)))

    def fields(self, alert: Alert) -> dict[str, str]:
        """Return the entry's fields; of the texts only MESSAGE may have several lines."""
        message = f"{one_line(alert.subject, _MAX_FIELD)}\n{lines(alert.text, MAX_TEXT)}".rstrip("\n")
        facts = {f"LVSMON_{name.upper()}": one_line(text, _MAX_FIELD) for name, text in facts_of(alert).items()}
        return {
            "MESSAGE": message or "-",
            "MESSAGE_ID": _MESSAGE_ID,
            "PRIORITY": str(syslog_severity(alert)),
            "SYSLOG_IDENTIFIER": self.identifier,
            "SYSLOG_FACILITY": "3",
            **facts,
        }


def entry(fields: dict[str, str]) -> bytes:
    """Return the fields as the journal reads them: the value's length before it where it has line ends."""
    made = bytearray()
    for name, text in fields.items():
        value = text.encode()
        if b"\n" in value:
            made += name.encode() + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"
        else:
            made += name.encode() + b"=" + value + b"\n"
    return bytes(made)
