"""What the peers make of real daemons while our probe looks: python -m verdicts.natural [here | lab | MODULE …]

tests/daemons runs once more, and whenever a probe looks at a daemon over IPv4, the checks that the peers have for its
kind look too, where they can be told as much: mon and ldirectord here, and then keepalived in a guest. With a word,
only the one or the other; with names of modules only these run, here, and the rest stays as it was.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import pytest

from verdicts import hostile, peers
from verdicts.record import RECORDER
from verdicts.tellable import compares

RESULTS = Path(__file__).parent / "peers" / "natural.json"
SETTLED = 12.0
"""Seconds after which one checker of keepalived has come to a verdict twice: it waits, and tries once more."""

IN_THE_GUEST = ("test_https.py", "test_smtp.py")
LEFT_OUT = "not apache and not opensmtpd"
"""What has kinds that keepalived has, and starts soon enough in a guest that is slow and has ten minutes."""


class Witness:
    """Has the peers look, once for each thing that is seen."""

    def __init__(self, look):
        self._look = look
        self._rows = {}

    def __call__(self, row, probe, host, port):
        if ":" not in host and row.key not in self._rows and peers.names(probe):
            self._rows[row.key] = row, self._look(row, probe, host, port)

    def found(self):
        """Return it by the name that each row has in the end."""
        return {json.dumps(row.key): found for row, found in reversed(self._rows.values())}


def _here(row, probe, host, port):
    def wanted(situation, check):
        return compares(check, probe, situation)

    return {check: verdict for _, check, verdict in peers.look([(row.situation, probe, host, port)], wanted)}


def _keepalived(row, probe, host, port):
    found = {}
    for check, text in peers.keepalived(probe).items():
        if not compares(check, probe, row.situation):
            continue
        with tempfile.TemporaryDirectory() as folder:
            block = hostile.block(1, host, port, text)
            found[check] = "up" if hostile.served(Path(folder), [block], SETTLED) else "down"
    return found


def watch(look, tests, *more):
    """Run tests/daemons and return what ``look`` said of all that was seen."""
    RECORDER.peers = witness = Witness(look)
    os.environ["LVSMON_RECORD"] = "leave"
    folder = Path(__file__).parents[1] / "daemons"
    # A peer takes a daemon's time and connections: a test that this disturbs shows nothing, and the others still do.
    pytest.main(["-q", "-p", "no:cacheprovider", "--timeout=600", *more, *(str(folder / test) for test in tests)])
    return witness.found()


def main(words):
    if words == ["guest"]:
        print(hostile.TOLD + json.dumps(watch(_keepalived, IN_THE_GUEST, "-k", LEFT_OUT)), flush=True)
        return
    found = hostile.known(RESULTS)
    if words != ["lab"]:
        modules = [word for word in words if word != "here"]
        seen = watch(_here, modules or [""])
        old = found["checks"] if modules else {}
        found = {
            "versions": peers.versions(),
            "checks": {**old, **{key: {**old.get(key, {}), **seen[key]} for key in seen}},
        }
        hostile.keep(RESULTS, found)
    if words in ([], ["lab"]):
        for key, checks in json.loads(hostile.in_lab("verdicts.natural", "guest")).items():
            found["checks"].setdefault(key, {}).update(checks)
        hostile.keep(RESULTS, found)


if __name__ == "__main__":
    main(sys.argv[1:])
