"""What probes found of real daemons as they are and as they fail in life, noted while tests/daemons runs.

Each module of tests/daemons has its record, tests/verdicts/record/<module>.json: a run whose verdicts are others fails,
and ``make record`` writes it anew. docs/reference/verdicts.md is made of the records. Nothing is noted by hand: the
kind and its settings are the probe's, the daemon is the one that was given the port, and the situation is the name of
the test, unless the daemon was stopped or ended.
"""

import contextlib
import dataclasses
import json
import os
import re
from enum import Enum
from pathlib import Path

from lvsmon.model import Verdict
from lvsmon.model.patterns import Regex
from lvsmon.model.settings import Secret

RECORDS = Path(__file__).with_name("record")
WRITE = "LVSMON_RECORD"
"""The environment variable that has the records written instead of compared; "leave": neither."""

STOPPED = "it hangs (SIGSTOP)"
ENDED = "it is gone: nothing listens"
LISTEN = "0A"
"""TCP_LISTEN, as /proc/net/tcp writes it."""

AGAIN = "it goes on (SIGCONT)"
WELL = "it is well"
"""What comes before a failure that the name of the test tells of."""

_READY = "PASS in the end"
_LONGEST = 40


@dataclasses.dataclass
class Row:
    """What one probe found in one situation: its verdicts in their order, without repetitions, for each family."""

    kind: str
    daemon: str
    situation: str
    settings: str
    found: dict[str, list[str]]

    @property
    def key(self):
        return self.kind, self.daemon, self.situation, self.settings

    def verdicts(self):
        return {family: [one.split()[0] for one in found] for family, found in self.found.items()}


class Recorder:
    """Notes what one test sees."""

    def __init__(self):
        self.rows = {}
        self._situation = ""
        self._daemons = []
        self._listened = {}
        self._passing = []
        self._written = {}
        self.waiting = False
        """Whether somebody looks again and again until something has changed: what is seen is no news then."""
        self.peers = None
        """Is told (row, probe, host, port) of each thing seen: `verdicts.natural` has the peers look too."""

    def begin(self, item):
        self.rows, self._passing = {}, []
        self._situation = _sentence(item)
        self.waiting = False

    def started(self, daemon, program, texts):
        """Take down which ports a daemon was told of."""
        ports = {int(number) for text in texts for number in re.findall(r"(?<!\d)\d{4,5}(?!\d)", text)}
        self._daemons.append((daemon, program, ports))

    def _who(self, port):
        """Return the daemon of a port, if tests/daemons started it, and its name: who listens, or else who last did."""
        if (found := listener(port)) is not None:
            group, name = found
            daemon = next((one for one, *_ in self._daemons if one.process.pid == group), None)
            self._listened[port] = daemon, getattr(daemon, "called", None) or name
        elif port not in self._listened:
            told = ((daemon, program) for daemon, program, ports in reversed(self._daemons) if port in ports)
            return next(told, (None, ""))
        return self._listened[port]

    def seen(self, probe, host, port, outcome):
        """Note an outcome and return it."""
        daemon, program = self._who(port)
        if not self._situation:  # a fixture's, before its test has begun
            return outcome
        situation = {"stopped": STOPPED, "continued": AGAIN, "ended": ENDED}.get(
            getattr(daemon, "state", ""), self._situation
        )
        row = Row(probe.kind, program, situation, _settings(probe), {})
        row = self.rows.setdefault(row.key, row)
        found = row.found.setdefault("IPv6" if ":" in host else "IPv4", [])
        told = str(outcome.verdict) + ("" if outcome.verdict is Verdict.PASS else f" {outcome.reason}")
        self._passing.append((row, found, told))
        if told not in found:
            found.append(told)
        self._last = row, probe, host, port
        self._tell()
        return outcome

    def _tell(self):
        if self.peers is not None and not self.waiting:
            self.peers(*self._last)

    def forget(self, since):
        """Take back all that was noted after the first ``since``: somebody was waiting for a change."""
        for row, found, told in self._passing[since:]:
            if told in found and not any(one is found and word == told for _, one, word in self._passing[:since]):
                found.remove(told)
            if not any(row.found.values()):
                self.rows.pop(row.key, None)
            row.found = {family: words for family, words in row.found.items() if words}
        del self._passing[since:]

    def waited(self):
        """A PASS that somebody waited for says that a daemon was ready: it counts where nothing else was seen."""
        row, found, told = self._passing[-1]
        if told == "PASS":
            found[found.index(told)] = _READY
            self._passing[-1] = row, found, _READY
        self.waiting = False
        self._tell()

    @property
    def count(self):
        return len(self._passing)

    def hold(self, item):
        """Hold what a test saw against its record, or write it; raise AssertionError where they differ."""
        path = RECORDS / f"{item.path.stem}.json"
        self._settle()
        whole = load(path)
        rows = [self.rows[key] for key in sorted(self.rows)]
        self.rows, self._situation = {}, ""
        if os.environ.get(WRITE) == "leave":
            return
        if os.environ.get(WRITE):
            self._written.setdefault(path, {})[item.name] = rows
            if any(self._written[path].values()):  # else the module is not about probes, as far as is known yet
                store(path, whole | self._written[path])
            return
        told, seen = (
            [(row.key[2:], row.kind, row.verdicts()) for row in some] for some in (whole.get(item.name, []), rows)
        )
        assert sorted(told, key=repr) == sorted(seen, key=repr), (
            "docs/reference/verdicts.md says otherwise: look whether that is right, then `make record`"
        )

    def _settle(self):
        """Leave what counts, and name what only came before it: a daemon that was ready, or well and then stopped."""
        for row in self.rows.values():
            others = [one for one in self.rows.values() if one is not row and one.daemon == row.daemon]
            words = {word for found in row.found.values() for word in found}
            ended = any(one.situation in {STOPPED, ENDED} and one.kind == row.kind for one in others)
            if row.situation == self._situation and (
                (words == {_READY} and others) or (words <= {_READY, "PASS"} and ended)
            ):
                row.situation = WELL
            row.found = {
                family: [word for word in found if word != _READY] or ["PASS"] for family, found in row.found.items()
            }
        rows = {}
        for row in self.rows.values():
            known = rows.setdefault(row.key, row)
            known.found = {**row.found, **known.found}
        self.rows = rows


RECORDER = Recorder()


def listener(port):
    """Return the process group and the program's name of the first process that listens on a port; None for nobody."""
    inodes = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path("/proc/thread-self/net", table).read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if int(local.rpartition(":")[2], 16) == port and (table.startswith("udp") or state == LISTEN):
                inodes.add(f"socket:[{inode}]")
    for process in sorted(Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name)) if inodes else ():
        with contextlib.suppress(OSError):
            if any(str(link.readlink()) in inodes for link in (process / "fd").iterdir()):
                name = (process / "comm").read_text().strip().partition(":")[0]
                return os.getpgid(int(process.name)), "" if int(process.name) == os.getpid() else name
    return None


def load(path):
    """Return the rows of a module by test."""
    if not path.exists():
        return {}
    return {name: [Row(**row) for row in rows] for name, rows in json.loads(path.read_text()).items()}


def store(path, whole):
    path.parent.mkdir(exist_ok=True)
    plain = {name: [dataclasses.asdict(row) for row in whole[name]] for name in sorted(whole)}
    path.write_text(json.dumps(plain, indent=1, ensure_ascii=False) + "\n")


def natural():
    """Return all rows: once each, the tests that saw it together."""
    rows = {}
    for path in sorted(RECORDS.glob("*.json")):
        for row in (row for rows in load(path).values() for row in rows):
            known = rows.setdefault(row.key, dataclasses.replace(row, found={}))
            for family, found in row.found.items():
                words = known.found.setdefault(family, [])
                words += [word for word in found if word not in words]
    return [rows[key] for key in sorted(rows)]


def _sentence(item):
    """Return the name of a test as words, with those of its parameters that are words; whose port is the daemon's."""
    words = item.originalname.removeprefix("test_").replace("_", " ")
    params = getattr(item, "callspec", None)
    named = [
        value.replace("_", " ")
        for value in (params.params.values() if params else ())
        if type(value) is str and re.fullmatch(r"(?!.*_port)[A-Za-z][\w -]{1,30}", value)
    ]
    return f"{words} ({', '.join(named)})" if named else words


def _settings(probe):
    """Return what is set in a probe: values that are the same in each run, of others their name."""
    told = []
    for field in sorted(dataclasses.fields(probe), key=lambda field: field.name):
        value = getattr(probe, field.name)
        default = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
        if value != default:
            told.append(f"{field.name}={_value(value)}" if _value(value) else field.name)
    return ", ".join(told)


def _value(value):
    if isinstance(value, Secret):
        return ""
    if isinstance(value, Regex):
        value = value.pattern
    if isinstance(value, Enum):
        value = value.value
    if type(getattr(value, "kind", None)) is str:  # the probe within a probe
        value = value.kind
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    if isinstance(value, tuple):
        parts = [_value(one) for one in value]
        return "[" + ", ".join(parts) + "]" if all(parts) else ""
    if isinstance(value, bool | int | float):
        text = json.dumps(value)
    elif isinstance(value, str) and value.isprintable() and not re.search(r"/|\d{4,}|[0-9a-f]{12}", value):
        text = json.dumps(value, ensure_ascii=False)
    else:
        return ""
    return text if len(text) <= _LONGEST else ""
