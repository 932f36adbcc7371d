"""file: one line of JSON for each alert, at the end of a file."""

import errno
import json
import os
import stat
from dataclasses import dataclass, field
from typing import ClassVar, Final

from lvsmon.actions.apart import Apart, Full
from lvsmon.actions.failing import failed, why
from lvsmon.actions.words import as_json
from lvsmon.alerts.alert import Alert
from lvsmon.model.settings import Duration, shown

_MODE: Final = 0o640
"""Of a file that is made: what realservers say is for the group, not for everybody."""


def _one_at_a_time() -> Apart[None]:
    return Apart("lvsmon-file", 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChannel:
    """Append each alert to a file, which is opened anew for each: rotate it as you like."""

    kind: ClassVar[str] = "file"

    path: str
    """File to append to; made where it is missing, its folder is not."""
    sync: bool = True
    """Wait until the alert is on the disk (fsync) before it counts as taken."""
    timeout: Duration = 10.0
    """Time that one try may take."""
    writing: Apart[None] = field(init=False, repr=False, compare=False, default_factory=_one_at_a_time)

    def __post_init__(self) -> None:
        """Raise ValueError for settings that cannot work."""
        if not self.path.startswith("/") or self.path.endswith("/") or "\0" in self.path:
            raise ValueError(
                'path: write the absolute path of a file, such as "/var/log/lvsmon/alerts.json",'
                f" not {shown(self.path)}"
            )
        if not self.timeout > 0:
            raise ValueError("timeout: write a time that is not 0")

    async def deliver(self, alert: Alert, /) -> None:
        """Write the line, in a thread: a disk or a file server may take its time. One at a time, so that none mix."""
        line = json.dumps(as_json(alert)).encode() + b"\n"
        try:
            await self.writing.run(lambda: self._append(line))
        except Full:
            raise failed(
                self, f"{self.path}: an earlier write has not come back: is the disk or the server gone?"
            ) from None
        except OSError as error:
            hint = {errno.ENXIO: ": it is a pipe that nobody reads"}.get(error.errno or 0, "")
            raise failed(self, f"{self.path}: {why(error)}{hint}") from None

    def _append(self, line: bytes) -> None:
        """Write ``line`` in one go, after a line end where somebody was cut off in the middle of a line."""
        handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, _MODE)
        try:
            about = os.fstat(handle)
            if not stat.S_ISREG(about.st_mode):
                raise failed(self, f"{self.path}: it is not a regular file")
            if about.st_size and os.pread(handle, 1, about.st_size - 1) != b"\n":
                line = b"\n" + line
            if os.write(handle, line) < len(line):
                raise failed(self, f"{self.path}: no space left on the device for all of the line")
            if self.sync:
                os.fsync(handle)
        finally:
            os.close(handle)
