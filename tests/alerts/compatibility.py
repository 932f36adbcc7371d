"""What mon's keywords of alerts mean: the same streams through the real mon and through lvsmon's routes.

`mon/rows.toml` has the streams and what lvsmon tells, `mon/recorded.json` what mon 1.3.6 called. Run this file where
mon is installed to record mon anew and to write the table of docs/reference/mon-alerts.md anew:

.venv/bin/python tests/alerts/compatibility.py
"""

import json
import os
import subprocess
import tempfile
import tomllib
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path

from lvsmon.alerts.engine import State, advance
from lvsmon.alerts.threads import Stage
from lvsmon.config import load
from lvsmon.health import observe, pace
from lvsmon.model import Outcome, ProbeState, Reason, Verdict
from lvsmon.monitor.conditions import conditions, unjudged
from lvsmon.monitor.snapshot import Snapshot
from lvsmon.pool import Situation, decide

HERE = Path(__file__).parent / "mon"
RECORDED = HERE / "recorded.json"
PAGE = Path(__file__).parents[2] / "docs/reference/mon-alerts.md"
MON = Path("/usr/sbin/mon")

MON_CF = """\
alertdir = {here}
mondir = {here}
statedir = {folder}
logdir = {folder}
authfile = {folder}/auth.cf
{globals}

hostgroup shop rs1 rs2

{parent}

watch shop
    {beside}
    service http
        interval 1m
        monitor scripted.monitor
        {service}
        {periods}

"""
PERIOD = "period {period}\nalert kept.alert\nupalert kept.alert\n{mon}"
BESIDE = "service ping\n        interval 1m\n        monitor scripted.monitor\n        period\n"
PARENT = "hostgroup net gw\n\nwatch net\n    service ping\n        interval 1m\n        monitor scripted.monitor\n"

OURS = """\
[defaults]
interval = "1m"
timeout = "5s"
fall = 1
rise = 1
down_interval = "{down_interval}"
[[realserver]]
name = "rs1"
address = "10.1.0.1"
{realserver}
[[realserver]]
name = "rs2"
address = "10.1.0.2"
{realserver}
[[virtual]]
name = "shop"
vip = "192.0.2.10"
port = 80
realservers = ["rs1", "rs2"]
{virtual}
[[virtual.probe]]
kind = "tcp"
{more}
[channel.book]
kind = "file"
path = "/var/log/lvsmon/told"
[[alert]]
name = "all"
to = ["book"]
group_wait = "0s"
severities = ["down"]
{alert}
"""


@cache
def rows():
    """Return the rows by name."""
    found = tomllib.loads((HERE / "rows.toml").read_text(encoding="utf-8"))["row"]
    return {row["name"]: row for row in found}


@cache
def recorded():
    return json.loads(RECORDED.read_text(encoding="utf-8"))


def start_of(row):
    """Return when minute 0 is: 2023-11-14 was a Tuesday."""
    return datetime.fromisoformat(f"2023-11-14T{row.get('start', '08:00')}:00+00:00").timestamp()


def spoken(row):
    """Return by mon's name for it what is said from which minute on: (minute, exit status, words)."""
    found = {}
    for who, text in row["stream"].items():
        for part in f"0 ok, {text}".split(", "):
            minute, said = part.split(" ", 1)
            code = 0 if said == "ok" else 1
            found.setdefault(who, []).append((int(minute), code, said))
    return found


def run_mon(row, folder):
    """Return what the real mon does with the stream of ``row``: its monitors' runs and the alerts that it calls."""
    start = start_of(row)
    periods = row.get("periods") or PERIOD.format(period=row.get("period", ""), mon=row.get("mon", ""))
    given = {"globals": "", "service": "", **{key: row[key] for key in ("globals", "service") if key in row}}
    parent = PARENT if "net/ping" in row["stream"] else ""
    beside = BESIDE if "shop/ping" in row["stream"] else ""
    text = MON_CF.format(here=HERE, folder=folder, periods=periods, parent=parent, beside=beside, **given)
    head, service, body = text.partition("watch shop\n")
    (folder / "mon.cf").write_text(head + service + "".join(f"{line}\n" for line in body.splitlines() if line.strip()))
    (folder / "auth.cf").write_text("command section\nlist: all\n")
    lines = [
        f"{start + 60 * minute:.0f} {who} {code} {said}\n"
        for who, parts in spoken(row).items()
        for minute, code, said in parts
    ]
    (folder / "outcomes").write_text("".join(lines))
    for name in ("runs", "alerts"):
        (folder / name).write_text("")
    argv = ["perl", HERE / "virtual_mon.pl", MON, f"{start:.0f}", str(row["minutes"] * 60)]
    argv += ["-c", folder / "mon.cf", "-P", "", "-i", "1"]
    environment = {**os.environ, "FOLDER": str(folder), "TZ": "UTC", "LC_ALL": "C"}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=100)
    refused = [
        line.split("cf error: ")[1].split(", line")[0] for line in done.stderr.splitlines() if "cf error" in line
    ]
    if refused:
        return {"refused": refused[0].strip()}
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return {"runs": _runs(folder, start), "told": _told(folder, start)}


def _runs(folder, start):
    lines = [line.split(" ", 2) for line in (folder / "runs").read_text().splitlines()]
    return sorted([int(at) - int(start), who, words.strip()] for at, who, words in lines)


def _told(folder, start):
    lines = [line.split("|") for line in (folder / "alerts").read_text().splitlines()]
    return sorted([int(at) - int(start), kind, who, label, said] for at, kind, who, label, said in lines)


def configuration(row):
    given = {"down_interval": "1m", "realserver": "", "virtual": "", "more": "", "alert": ""}
    return OURS.format(**{key: row.get("ours", {}).get(key, usual) for key, usual in given.items()})


def run_ours(row, folder):
    """Return what the routes that ``row`` writes make of the same stream: (seconds, route, stage, names)."""
    path = folder / "lvsmon.toml"
    path.write_text(configuration(row))
    plan = load(path)
    start = start_of(row)
    states, due, state = dict.fromkeys(plan.probes, ProbeState()), dict.fromkeys(plan.probes, 1.0), State()
    owners = {probe: ("net/ping", host.name) for host in plan.hosts for probe in host.probes}
    for virtual in plan.virtuals:
        who = "shop/http" if virtual.name == "shop" else f"shop/{virtual.name}"
        owners |= {probe: (who, one.realserver.name) for one in virtual.destinations for probe in one.probes}
    told, observed, memory, snapshot = [], {}, None, None
    for second in range(1, row["minutes"] * 60 + 2, 10):
        now, seen = start + second, None
        for probe, spec in plan.probes.items():
            while due[probe] <= second:
                outcome = _outcome(row, *owners[probe], int(due[probe] // 60))
                heard = due[probe]
                states[probe] = replace(observe(states[probe], spec.damping, outcome, start + heard), heard=heard)
                due[probe] += pace(states[probe], spec.interval, spec.fast_interval, spec.down_interval)
                seen = ()
        if seen is not None:
            situation = Situation(
                virtuals=plan.virtuals, states=states, observed=observed, hosts=plan.hosts, now=float(second), today=now
            )
            decided = decide(situation, memory)
            memory = decided.memory
            snapshot = Snapshot(plan, dict(states), observed, decided)
            observed = decided.table
            seen = conditions(snapshot)
        step = advance(state, plan.alerting.routes, seen, now, unjudged(snapshot))
        state = step.state
        told += [(second, one.route.name, one.message.stage, _names(one.message.conditions)) for one in step.due]
    return told


def _outcome(row, who, name, minute):
    code, said = next(
        (code, said) for since, code, said in reversed(spoken(row).get(who, [(0, 0, "ok")])) if since <= minute
    )
    failed = code and name in said.replace(";", " ").split()
    return Outcome(
        verdict=Verdict.FAIL if failed else Verdict.PASS, reason=Reason.REFUSED if failed else Reason.OK, detail=said
    )


def _names(found):
    return " ".join(sorted(one.subject.realserver or one.subject.about.removeprefix("host ") for one in found))


def of_mon(row):
    """Return in words what mon called: "3 rs1, 13 rs1, 25 up"."""
    made = recorded()[row["name"]]
    if "refused" in made:
        return f"refused: {made['refused']}"
    words = []
    for at, kind, who, label, said in made["told"]:
        what = {"failure": said, "up": "up", "startup": "startup"}[kind]
        words.append(
            " ".join(filter(None, (str(at // 60), label, who.split("/")[1] if who != "shop/http" else "", what)))
        )
    return ", ".join(words) or "nothing"


def of_ours(row, told):
    """Return in words what lvsmon told: "3 opened rs1, 13 repeated rs1, 25 resolved rs1"."""
    many = len({name for _, name, *_ in told}) > 1
    words = [f"{at // 60} {name + ' ' if many else ''}{stage} {names}".strip() for at, name, stage, names in told]
    return ", ".join(words) or "nothing"


def moments(row, told=None):
    """Return (minute, down or up) of what was told: by mon, or ``told`` by lvsmon."""
    if told is None:
        kinds = {"failure": "down", "up": "up"}
        made = recorded()[row["name"]].get("told", [])
        return [(at // 60, kinds[kind]) for at, kind, _, label, _ in made if kind in kinds and label != "redistributed"]
    return [(at // 60, "up" if stage is Stage.RESOLVED else "down") for at, _, stage, _ in told]


def table():
    """Return the table for people, one line for each row."""
    lines = ["| mon | its manual | its code | lvsmon |", "| --- | --- | --- | --- |"]
    for row in rows().values():
        streams = "; ".join(
            f"{'' if who == 'shop/http' else who + ' '}{text}" for who, text in row["stream"].items() if text
        )
        code = f"{row['code']}<br>*{streams}* → {of_mon(row)}"
        ours = f"{row['written']}: {row['does']}<br>→ {row['told']}"
        lines.append(f"| {row['keyword']} | {row['manual']} | {code} | {ours} |")
    return "\n".join(lines) + "\n"


def page_as_it_should_be():
    before, _, rest = PAGE.read_text(encoding="utf-8").partition("<!-- table -->\n")
    _, end, after = rest.partition("<!-- end -->")
    return f"{before}<!-- table -->\n{table()}{end}{after}"


def record():
    """Run every row through the real mon."""
    made = {}
    for name, row in rows().items():
        with tempfile.TemporaryDirectory() as folder:
            made[name] = run_mon(row, Path(folder))
    return made


if __name__ == "__main__":
    lines = [f"{json.dumps(name)}: {json.dumps(made)}" for name, made in record().items()]
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    PAGE.write_text(page_as_it_should_be(), encoding="utf-8")
