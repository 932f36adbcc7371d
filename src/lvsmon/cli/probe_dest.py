"""``lvsmon probe --dest``: the daemon runs the probes of a destination now, as ordinary runs that count."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from lvsmon.cli import asking, terminal


def probe_now(dest: str, output: str, socket: Path | None, path: Path | None) -> NoReturn:
    """Have the daemon run the probes, tell each run as soon as it is over, and end."""
    from lvsmon.monitor.run import from_document
    from lvsmon.oneshot.byhand.running import exit_code
    from lvsmon.oneshot.byhand.telling import tell

    parts: list[Mapping[str, Any]] = []

    def hear(part: Mapping[str, Any]) -> None:
        if output == "text":
            if "gone" in part:
                terminal.complain("probe", f"{part['gone']} is no more: the configuration was loaded anew meanwhile")
            elif "run" in part:
                text = tell(from_document(part["run"]), terminal.width()) + _counted(part)
                terminal.show("\n" + text if parts else text)
        if "run" in part:
            parts.append(part)

    asking.ask("probe", asking.socket_of(socket, path), "probe", {"dest": dest}, progress=hear)
    code = exit_code([from_document(part["run"]) for part in parts]) if parts else asking.COULD_NOT
    if output == "json":
        runs = [{**part["run"], **{key: part[key] for key in ("probe", "before", "after")}} for part in parts]
        document = {"version": 1, "exit_code": code, "dest": dest, "runs": runs}
        terminal.show(json.dumps(document, indent=2).replace("\x7f", "\\u007f") + "\n")
    sys.exit(code)


def _counted(part: Mapping[str, Any]) -> str:
    """Return what the run made of the probe's health."""
    before, after = part["before"]["health"], part["after"]["health"]
    if before != after:
        return f"  counted: {before} before, {after} now\n"
    passes, fails = part["after"]["passes"], part["after"]["fails"]
    if part["run"]["verdict"] == "UNKNOWN":
        return f"  counted for nothing: still {after}\n"
    if part["run"]["verdict"] == "FAIL":
        how_many = f"failure {fails} of {part['fall']}" if fails <= part["fall"] else f"{fails} failures in a row"
        return f"  counted: {after}, {how_many}\n"
    return f"  counted: {after}, pass {passes} of {part['rise']}\n"
