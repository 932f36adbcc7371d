"""Every rule of a route as streams and what is told: one line each. `test_routes` has what takes more words.

A stream is what is wrong for how many seconds: "4 rs1:3 rs1+mail/rs2:2 6" is nothing for 4 s, then rs1 of web for 3 s,
and so on. "ack:rs1" takes rs1's incident on, "ack:rs1:10" for 10 s, "unack:rs1" gives it back.
"""

from dataclasses import fields, replace
from zoneinfo import ZoneInfo

import pytest

from alerts.streams import START, Stream, condition, route
from lvsmon.alerts.condition import Severity
from lvsmon.alerts.engine import acknowledge
from lvsmon.alerts.period import Period
from lvsmon.alerts.route import After, GroupBy, Limit, Resolve, Route

DESTINATION = {"group_by": GroupBy.DESTINATION}
TO_THE_MINUTE = START - START % 60
"""22:13:00 UTC."""

TABLE = [
    # what begins, changes and ends
    ({}, "2 rs1:3 5", "2 opened rs1, 5 resolved rs1"),
    ({}, "rs1:2 rs1+rs2:2 rs2:2 1", "0 opened rs1, 2 changed rs1 rs2, 4 changed rs2, 6 resolved rs2"),
    ({}, "rs1:2 rs2:2 1", "0 opened rs1, 2 changed rs2, 4 resolved rs2"),
    ({}, "rs1:2 2 rs1:2 1", "0 opened rs1, 2 resolved rs1, 4 opened rs1, 6 resolved rs1"),
    # group_wait: for more, and for what comes back
    ({"group_wait": 3.0}, "rs1:1 rs1+rs2:9", "3 opened rs1 rs2"),
    ({"group_wait": 3.0}, "rs1:2 9", ""),
    ({"group_wait": 3.0}, "rs1:5 2 rs1:5 9", "3 opened rs1, 15 resolved rs1"),
    ({"group_wait": 3.0}, "rs1+rs2:5 rs2:2 rs1+rs2:5 9", "3 opened rs1 rs2, 15 resolved rs1 rs2"),
    ({"group_wait": 3.0}, "rs1:5 5 rs1:5", "3 opened rs1, 8 resolved rs1, 13 opened rs1"),
    ({"group_wait": 3.0, "every": 9.0}, "rs1:5 2 rs1:9", "3 opened rs1, 12 repeated rs1"),
    ({"group_wait": 3.0}, "rs1:5 5", "3 opened rs1, 8 resolved rs1"),
    # group_by
    (DESTINATION, "rs1+rs2:2 rs2:2 1", "0 opened rs1, 0 opened rs2, 2 resolved rs1, 4 resolved rs2"),
    ({"group_by": GroupBy.REALSERVER}, "rs1+mail/rs1+rs2:1", "0 opened mail/rs1 rs1, 0 opened rs2"),
    ({"group_by": GroupBy.DIRECTOR}, "rs1+mail/rs1+brake:1", "0 opened brake mail/rs1 rs1"),
    # after: seconds, failures in a row, failures within a time
    ({"after": After(seconds=5.0)}, "rs1:4 2 rs1:7 1", "11 opened rs1, 13 resolved rs1"),
    ({"after": After(failures=3)}, "rs1:1 rs1/2:1 rs1/3:2 1", "2 opened rs1, 4 resolved rs1"),
    ({"after": After(failures=3)}, "rs1:1 rs1/2:1 1 rs1:1 rs1/2:1 1", ""),
    ({"after": After(failures=3)}, "brake:2 1", "0 opened brake, 2 resolved brake"),
    (
        {"after": After(failures=3, within=9.0)},
        "rs1:1 1 rs1:1 1 rs1:2 1",
        "4 opened rs1, 6 resolved rs1",
    ),
    ({"after": After(failures=3, within=3.0)}, "rs1:1 1 rs1:1 1 rs1:2 1", ""),
    # every and max
    ({"every": 3.0}, "rs1:8 1", "0 opened rs1, 3 repeated rs1, 6 repeated rs1, 8 resolved rs1"),
    ({"every": 3.0}, "rs1:2 rs1+rs2:4 1", "0 opened rs1, 2 changed rs1 rs2, 5 repeated rs1 rs2, 6 resolved rs1 rs2"),
    ({"every": 3.0, "most": 2}, "rs1:9 1", "0 opened rs1, 3 repeated rs1, 9 resolved rs1"),
    ({"most": 1}, "rs1:2 rs1+rs2:2 1", "0 opened rs1, 4 resolved rs1 rs2"),
    # resolve and resolve_after
    ({"resolve": Resolve.NO}, "rs1:2 2 rs1:1", "0 opened rs1, 4 opened rs1"),
    ({"resolve": Resolve.NO}, "rs1+rs2:2 rs1:2", "0 opened rs1 rs2"),
    ({"resolve": Resolve.ALWAYS, "after": After(seconds=9.0)}, "rs1:2 1", "2 resolved rs1"),
    ({"resolve": Resolve.TOLD, "after": After(seconds=9.0)}, "rs1:2 1", ""),
    ({"resolve_after": 5.0}, "rs1:4 1 rs1:5 1", "0 opened rs1, 5 opened rs1, 10 resolved rs1"),
    # when, unless, zone: what still holds is told when the hours begin, what is over then too
    ({"when": Period.parse("min {14}")}, "rs1:70 1", "60 opened rs1, 70 resolved rs1"),
    ({"when": Period.parse("min {14}")}, "rs1:50 20", ""),
    ({"when": Period.parse("min {13}")}, "50 rs1:20 3590", "50 opened rs1, 3600 resolved rs1"),
    ({"when": Period.parse("min {13}"), "every": 20.0}, "rs1:100", "0 opened rs1, 20 repeated rs1, 40 repeated rs1"),
    ({"unless": Period.parse("min {13}")}, "rs1:70", "60 opened rs1"),
    ({"when": Period.parse("hr {22}"), "unless": Period.parse("min {13}")}, "rs1:70", "60 opened rs1"),
    ({"when": Period.parse("hr {22}"), "zone": ZoneInfo("Europe/Berlin")}, "rs1:70", ""),
    ({"when": Period.parse("hr {23}"), "zone": ZoneInfo("Europe/Berlin")}, "rs1:70", "0 opened rs1"),
    # acknowledgements, with and without an end
    ({"every": 3.0}, "rs1:1 ack:rs1 rs1:9 1", "0 opened rs1, 1 acknowledged rs1, 10 resolved rs1"),
    (
        {"every": 3.0},
        "rs1:1 ack:rs1:4 rs1:6 1",
        "0 opened rs1, 1 acknowledged rs1, 5 repeated rs1, 7 resolved rs1",
    ),
    (
        {"every": 3.0},
        "rs1:1 ack:rs1 rs1:4 unack:rs1 rs1:2 1",
        "0 opened rs1, 1 acknowledged rs1, 5 repeated rs1, 7 resolved rs1",
    ),
    ({"every": 3.0, "acknowledgements": False}, "rs1:1 ack:rs1 rs1:9 1", "0 opened rs1, 10 resolved rs1"),
    ({"after": After(seconds=5.0)}, "rs1:1 ack:rs1 rs1:9 1", ""),
    ({"after": After(seconds=5.0)}, "rs1:1 ack:rs1:6 rs1:9 1", "7 opened rs1, 10 resolved rs1"),
    (
        {"every": 3.0},
        "rs1+rs2:1 ack:rs1 rs1+rs2:4",
        "0 opened rs1 rs2, 1 acknowledged rs1, 3 repeated rs2",
    ),
    # a dependency: the child is not told, and told when its parent is well
    ({}, "child+mail/gw:2 child:2 1", "0 opened mail/gw, 2 opened child, 2 resolved mail/gw, 4 resolved child"),
    ({}, "child+mail/gw:2 mail/gw:2 1", "0 opened mail/gw, 4 resolved mail/gw"),
    # limit: what is more is summed up, when the time is over and the hours have begun
    (
        {**DESTINATION, "limit": Limit(2, 9.0)},
        "rs1+rs2+rs3:3 20",
        "0 opened rs1, 0 opened rs2, 9 held_back rs1 rs2 rs3",
    ),
    ({"limit": Limit(2, 9.0)}, "rs1:1 1 rs1:1 20", "0 opened rs1, 1 resolved rs1, 11 held_back rs1"),
    (
        {**DESTINATION, "limit": Limit(1, 9.0), "when": Period.parse("min {13 15}")},
        "55 rs1+rs2:100",
        "55 opened rs1, 120 held_back rs2",
    ),
    # digest: everything since the last one at its minutes; nothing where nothing happened
    ({"digest": (22 * 60 + 14,)}, "rs1:10 20 rs2:40 50", "60 digest rs1 rs2"),
    ({"digest": (22 * 60 + 14, 22 * 60 + 15, 22 * 60 + 16)}, "rs1:100 50", "60 digest rs1, 120 digest rs1"),
    ({"digest": (22 * 60 + 14,)}, "100", ""),
    # which route: severity, names, tags
    ({"severities": frozenset({Severity.BRAKE})}, "rs1+brake:1", "0 opened brake"),
    ({"virtuals": frozenset({"mail"})}, "rs1+mail/rs1:1", "0 opened mail/rs1"),
    ({"realservers": frozenset({"rs1"})}, "rs1+rs2+mail/rs1:1", "0 opened mail/rs1, 0 opened rs1"),
    ({"tags": frozenset({"night", "rack1"})}, "rs1+tagged:1", "0 opened tagged"),
]


def wrong(name):
    """Return the condition that a stream calls ``name``: rs1, mail/rs1, rs1/2 (failed twice), brake, child, tagged."""
    if name == "brake":
        return condition("web", Severity.BRAKE)
    if name == "child":
        return condition("web/child", parent=condition("mail/gw").id)
    if name == "tagged":
        return condition("web/tagged", tags=frozenset({"rack1"}))
    known, _, failures = name.partition("/") if name.startswith("rs") else (name, "", "")
    full = known if "/" in known else f"web/{known}"
    return condition(full, facts={"failures": int(failures or 1)})


def play(stream, text):
    """Let ``text`` happen to ``stream``, and return what is told as text."""
    for word in text.split():
        what, _, rest = word.partition(":")
        if what == "ack":
            name, _, seconds = rest.partition(":")
            stream.acknowledge(f"web/{name}", until=float(seconds) if seconds else None)
        elif what == "unack":
            (incident,) = (one for one in stream.state.incidents.values() if one.condition.subject.realserver == rest)
            stream.state = acknowledge(stream.state, incident.id, None)
        elif rest:
            stream.see(*map(wrong, what.split("+")), seconds=int(rest))
        else:
            stream.see(seconds=int(what))
    told = [f"{at} {stage} {_short(names)}" for at, stage, names in stream.told]
    return ", ".join(sorted(told, key=lambda one: (int(one.split()[0]), told.index(one) if "held" in one else 0, one)))


def _short(names):
    shown = (name.removeprefix("web/") if name != "web" else "brake" for name in names.split())
    return " ".join(sorted(shown))


@pytest.mark.parametrize(("settings", "stream", "told"), TABLE, ids=lambda one: one if isinstance(one, str) else "")
def test_a_stream_is_told_as_the_table_says(settings, stream, told):
    assert play(Stream(route(**settings), start=TO_THE_MINUTE), stream) == told


def test_every_rule_is_in_the_table():
    """But for the names of the route and its channels, its texts, and ``stop``, which takes two routes."""
    rules = {field.name for field in fields(Route)} - {"name", "to", "subject", "text", "html", "stop"}
    assert {name for settings, _, _ in TABLE for name in settings} == rules


@pytest.mark.parametrize(
    ("stop", "told"),
    [(False, "0 opened mail/rs1, 0 opened mail/rs1, 0 opened rs1"), (True, "0 opened mail/rs1, 0 opened rs1")],
)
def test_all_routes_that_match_or_the_first_that_stops(stop, told):
    mail = route(name="mail", virtuals=frozenset({"mail"}), stop=stop)
    assert play(Stream(mail, replace(mail, name="rest", virtuals=frozenset(), stop=False)), "rs1+mail/rs1:1") == told
