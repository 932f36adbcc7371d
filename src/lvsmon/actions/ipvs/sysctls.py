"""The kernel settings net.ipv4.vs.* that decide what quiesce and remove really do (traps 1 to 3).

Documentation/networking/ipvs-sysctl.rst of the kernel. They belong to the network namespace, as the table does.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from lvsmon.model import OnFailure, Protocol, VirtualService

FOLDER: Final = Path("/proc/sys/net/ipv4/vs")
NAMES: Final = ("expire_nodest_conn", "expire_quiescent_template", "conn_reuse_mode")


class Sysctls:
    """Reads and writes the settings under ``folder``. Blocking, but never on a disk."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder

    def read(self) -> dict[str, int]:
        """Return the settings that can be read; none where IPVS is not loaded."""
        found = {}
        for name in NAMES:
            try:
                found[name] = int((self._folder / name).read_text(encoding="ascii"))
            except (OSError, ValueError):
                continue  # not there before the module is loaded, nor in some containers
        return found

    def write(self, wanted: Mapping[str, int]) -> tuple[list[str], list[str]]:
        """Set what differs from ``wanted``; return what was written, and what could not be, as `sysctl` shows it."""
        written, refused = [], []
        present = self.read()
        for name, value in wanted.items():
            if present.get(name) == value:
                continue
            line = f"net.ipv4.vs.{name} = {value}"
            try:
                (self._folder / name).write_text(f"{value}\n", encoding="ascii")
            except OSError as error:
                refused.append(f"{line}: {error.strerror}")
            else:
                written.append(line)
        return written, refused


def advice(present: Mapping[str, int], virtuals: Iterable[VirtualService]) -> list[str]:
    """Return a sentence for each setting in ``present`` that defeats what the configuration wants. Pure."""
    return [
        f"net.ipv4.vs.{name} = {present[name]} {sentence}: set it to {better}, or write that under [director.sysctl]"
        for name, better, sentence in _defeats(tuple(virtuals))
        if name in present and present[name] == 1 - better
    ]


def _defeats(virtuals: tuple[VirtualService, ...]) -> Iterator[tuple[str, int, str]]:
    """Yield (setting, better value, what it does otherwise), for the settings that matter to ``virtuals``."""
    sticky = [one.name for one in virtuals if one.settings.persistence and _has(one, OnFailure.QUIESCE)]
    if sticky:
        yield (
            "expire_quiescent_template",
            1,
            f"keeps sending the clients that persistence ties to a quiesced realserver there, in {_some(sticky)}",
        )
    removing = [one.name for one in virtuals if _has(one, OnFailure.REMOVE)]
    if removing:
        yield (
            "expire_nodest_conn",
            1,
            f"drops the packets of connections to a removed realserver until they time out, in {_some(removing)}",
        )
    of_tcp = [one.name for one in virtuals if one.key.protocol in (Protocol.TCP, None)]
    if of_tcp:
        yield (
            "conn_reuse_mode",
            1,
            f"sends a client that uses its port again to the realserver it had, down or not, in {_some(of_tcp)}",
        )


def _has(virtual: VirtualService, on_failure: OnFailure) -> bool:
    return any(one.on_failure is on_failure for one in virtual.destinations)


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
