"""Where files are when nobody says otherwise, and where the daemon listens: for commands that only want to ask it."""

import tomllib
from pathlib import Path
from typing import Final

DEFAULT_CONFIG: Final = Path("/etc/lvsmon/lvsmon.toml")
MAIN_NAME: Final = "lvsmon.toml"
DEFAULT_SOCKET: Final = Path("/run/lvsmon/control.sock")


def main_file(path: Path) -> Path:
    """Return the main file that ``path`` names: itself, or the one in that folder."""
    return path / MAIN_NAME if path.is_dir() else path


def socket_in(path: Path) -> Path:
    """Return the control socket that the main file ``path``, or the one in that folder, names; else the usual one.

    Who asks may not be permitted to read the whole configuration, and it may just be wrong: so only this one key is
    looked at.
    """
    try:
        found = tomllib.loads(main_file(path).read_text(encoding="utf-8"))["control"]["socket"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return DEFAULT_SOCKET
    return Path(found) if isinstance(found, str) else DEFAULT_SOCKET
