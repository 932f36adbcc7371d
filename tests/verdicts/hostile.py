"""What the peers make of the servers that misbehave: python -m verdicts.hostile [here | lab]

First mon's monitors and ldirectord's checks, here. Then keepalived, in a guest with a real IPVS table, where the
verdict is whether the realserver is in the table. `make verdicts` runs both; with a word, only the one or the other.
"""

import dataclasses
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lvsmon.testing.misbehaving import BEHAVIOURS, LOOPBACKS, MisbehavingServers
from probes.samples import SAMPLES
from verdicts import peers

RESULTS = Path(__file__).parent / "peers" / "hostile.json"
TOLD = "verdicts: "
SETTLED = 40.0
"""Seconds after which each checker of keepalived has come to a verdict twice: it tries again, and waits in between."""


def first_samples():
    """Return one probe of each kind that a peer has too; ldirectord's dns knows addresses alone."""
    probes = {kind: samples[0].probe for kind, samples in SAMPLES.items() if samples}
    probes["dns"] = dataclasses.replace(probes["dns"], type="A")
    return {kind: probe for kind, probe in probes.items() if peers.names(probe)}


def here():
    """Return {check: {behaviour: verdict}} of mon and ldirectord."""
    with MisbehavingServers() as servers:
        cases = [
            ((kind, behaviour), probe, LOOPBACKS[0], servers.port(behaviour, LOOPBACKS[0]))
            for kind, probe in first_samples().items()
            for behaviour in BEHAVIOURS
        ]
        found = {}
        for (kind, behaviour), check, verdict in peers.look(cases):
            found.setdefault(kind, {}).setdefault(check, {})[behaviour] = verdict
    return found


def in_the_guest():
    """Return the same of keepalived: one run with every checker for every server."""
    found = {}
    with MisbehavingServers() as servers, tempfile.TemporaryDirectory() as folder:
        blocks, marks = [], {}
        for kind, probe in first_samples().items():
            for check, text in peers.keepalived(probe).items():
                for behaviour in BEHAVIOURS:
                    mark = len(marks) + 1
                    marks[mark] = kind, check, behaviour
                    port = servers.port(behaviour, LOOPBACKS[0])
                    blocks.append(block(mark, LOOPBACKS[0], port, text))
        up = served(Path(folder), blocks, SETTLED)
        for mark, (kind, check, behaviour) in marks.items():
            found.setdefault(kind, {}).setdefault(check, {})[behaviour] = "up" if mark in up else "down"
    return found


def block(mark, address, port, text):
    """Return a virtual service with one realserver, as keepalived is told of it."""
    return (
        f"virtual_server fwmark {mark} {{\n delay_loop 5\n lb_algo rr\n lb_kind NAT\n"
        f" real_server {address} {port} {{\n weight 1\n {text}\n}}\n}}\n"
    )


def served(folder, blocks, seconds):
    """Run keepalived; return the marks of the virtual services that have a realserver in the end."""
    (folder / "keepalived.conf").write_text("global_defs {\n}\n" + "".join(blocks))
    words = ["keepalived", "-n", "-l", "-C", "-f", "keepalived.conf", "-p", "pid", "-c", "checkers.pid"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        time.sleep(seconds)
        table = subprocess.run(["ipvsadm", "-Sn"], capture_output=True, text=True, check=True).stdout
        assert process.poll() is None, (folder / "log").read_text()[-3000:]
        process.terminate()
        process.wait()
    rules = [line.split() for line in table.splitlines()]
    return {int(words[words.index("-f") + 1]) for words in rules if "-r" in words}


def main(words):
    if words == ["guest"]:
        print(TOLD + json.dumps(in_the_guest()), flush=True)
        return
    found = known(RESULTS)
    if words in ([], ["here"]):
        found = {"versions": peers.versions(), "checks": here()}
        keep(RESULTS, found)
    if words in ([], ["lab"]):
        for kind, checks in json.loads(in_lab("verdicts.hostile", "guest")).items():
            found["checks"].setdefault(kind, {}).update(checks)
        keep(RESULTS, found)


def in_lab(*module):
    """Run a module in the guest and return what it told."""
    guest = ["env", "PYTHONPATH=tests", sys.executable, "-m", *module]
    lab = subprocess.run(
        [sys.executable, "-m", "kernel.lab", "run", *guest], capture_output=True, text=True, check=False
    )
    told = [line for line in lab.stdout.splitlines() if line.startswith(TOLD)]
    if not told:
        sys.exit(f"keepalived could not be run in the kernel lab:\n{lab.stdout[-3000:]}{lab.stderr[-3000:]}")
    return told[0].removeprefix(TOLD)


def known(path):
    """Return what was found before."""
    return json.loads(path.read_text()) if path.exists() else {"versions": {}, "checks": {}}


def keep(path, found):
    """Write what was found of which versions."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
