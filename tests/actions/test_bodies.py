"""What well-known receivers are told: the words of their documentation, and none of their markup from a realserver."""

import json
import re
from dataclasses import replace

import pytest

from lvsmon.actions.bodies import alertmanager, chat, ntfy, pagerduty
from lvsmon.actions.bodies.tone import Tone, tone_of
from lvsmon.alerts.alert import Stage
from lvsmon.alerts.condition import Severity, Subject
from lvsmon.testing.channel_conformance import HOSTILE, hostile_alert, sample_alert

ALERT = sample_alert(5)
LINK = "https://wiki.example.org/lvs?a=1&b=2"


def at(stage, **more):
    return replace(ALERT, stage=stage, **more)


DESTINATION = {"virtual": "shop", "realserver": "rs2", "destination": "10.1.0.12:443"}
LABELS = {"alertname": "lvsmon", "director": "director1.example.org", "incident": "incident-5", "condition": "down"}


def test_alertmanager_is_told_a_condition_as_one_alert():
    (told,) = alertmanager.body(ALERT, {"team": "lvs", "route": "{route}"}, LINK, 3600.0)
    assert {
        "labels": {**LABELS, **DESTINATION, "team": "lvs", "route": "oncall"},
        "annotations": {
            "summary": ALERT.subject, "description": ALERT.text, "severity": "down", "stage": "opened",
            "virtual": "shop", "realserver": "rs2", "urgency": "error",
        },
        "startsAt": "2023-11-14T22:13:20.000Z",
        "endsAt": "2023-11-14T23:14:20.250Z",
        "generatorURL": LINK,
    } == told  # fmt: skip


def test_alertmanager_knows_a_condition_by_labels_that_do_not_change():
    """Whatever of it changes, and whatever else comes into its group and goes."""
    (known,) = ALERT.conditions
    changed = replace(known, summary="worse", seen="", reason="", done=(), left="", tags=frozenset(), facts={})
    worse = replace(known, severity=Severity.FLOOR, subject=Subject("shop"))
    alerts = [
        at(Stage.CHANGED, severity=Severity.FLOOR, conditions=(worse, changed), number=7),
        at(Stage.REPEATED, conditions=(changed,), subject="still"),
        at(Stage.CHANGED, conditions=(worse,), over=(changed,)),
        at(Stage.RESOLVED, conditions=(worse, changed)),
    ]
    for one in (ALERT, *alerts):
        labels = [told["labels"] for told in alertmanager.body(one, {"how": "{severity}"}, "", 3600.0)]
        assert labels.count({**LABELS, **DESTINATION, "how": "down"}) == 1
        assert len(labels) == len(one.conditions) + len(one.over)


def test_alertmanager_is_told_what_is_over_while_the_rest_goes_on():
    (first,) = ALERT.conditions
    second = replace(first, subject=Subject("shop", "rs3", "10.1.0.13:443"), summary="rs3 is DOWN", seen="a\nb")
    told = alertmanager.body(at(Stage.CHANGED, conditions=(second,), over=(first,)), {}, "", 3600.0)
    ends = {one["labels"]["realserver"]: one["endsAt"] for one in told}
    assert ends == {"rs3": "2023-11-14T23:14:20.250Z", "rs2": "2023-11-14T22:14:20.250Z"}
    assert (told[0]["annotations"]["summary"], told[0]["annotations"]["description"].splitlines()) == (
        "rs3 is DOWN",
        ['seen "a\\nb"', f"done {first.done[0]}", "1 of 2 destinations serve"],
    )


def test_alertmanager_is_told_the_end():
    (told,) = alertmanager.body(at(Stage.RESOLVED), {}, "", 3600.0)
    assert ("2023-11-14T22:13:20.000Z", "2023-11-14T22:14:20.250Z") == (told["startsAt"], told["endsAt"])
    assert "generatorURL" not in told
    later = replace(ALERT.conditions[0], since=ALERT.at + 1)
    (told,) = alertmanager.body(at(Stage.RESOLVED, conditions=(later,)), {}, "", 3600.0)
    assert told["startsAt"] == told["endsAt"], "a clock that went back makes no alert that Alertmanager refuses"


@pytest.mark.parametrize("stage", [Stage.TEST, Stage.HEARTBEAT, Stage.DIGEST, Stage.HELD_BACK])
def test_alertmanager_ends_by_itself_what_is_of_no_incident(stage):
    (told,) = alertmanager.body(at(stage), {}, "", 3600.0)
    assert "endsAt" not in told
    assert {"alertname": f"lvsmon_{stage}", "director": "director1.example.org"} == told["labels"]


@pytest.mark.parametrize(
    ("stage", "action"),
    [
        (Stage.OPENED, "trigger"),
        (Stage.CHANGED, "trigger"),
        (Stage.REPEATED, "trigger"),
        (Stage.ACKNOWLEDGED, "acknowledge"),
        (Stage.RESOLVED, "resolve"),
    ],
)
def test_pagerduty_knows_an_incident_by_its_key(stage, action):
    told = pagerduty.body(at(stage), "r0uting", LINK)
    assert ("r0uting", action, "incident-5") == (told["routing_key"], told["event_action"], told["dedup_key"])
    assert ("payload" in told) == (action == "trigger")


def test_pagerduty_is_told_what_it_is():
    told = pagerduty.body(ALERT, "r", LINK)
    payload = told["payload"]
    assert {
        "summary": ALERT.subject, "source": "director1.example.org", "severity": "error", "component": "rs2",
        "group": "shop", "class": "down", "timestamp": "2023-11-14T22:14:20.250Z",
    } == {name: value for name, value in payload.items() if name != "custom_details"}  # fmt: skip
    assert ALERT.text == payload["custom_details"]["text"]
    assert ("lvsmon", LINK) == (told["client"], told["client_url"])


def test_pagerdutys_bounds():
    """255 characters of a key, and two long incidents are still two; 1024 of a summary."""
    keys = {pagerduty.body(replace(ALERT, incident="x" * 300 + end), "r", "")["dedup_key"] for end in "ab"}
    assert (2, True) == (len(keys), all(len(key) <= 255 for key in keys))
    assert 1024 == len(pagerduty.body(replace(ALERT, subject="x" * 2000), "r", "")["payload"]["summary"])
    assert "test:alert-5" == pagerduty.body(at(Stage.TEST), "r", "")["dedup_key"]


def test_slacks_markup_is_escaped():
    told = chat.slack(replace(ALERT, subject="<!channel> & <@U1>", text="*bold* <http://x|y>"), LINK)
    assert "🔴 &lt;!channel&gt; &amp; &lt;@U1&gt;" == told["text"]
    section, context = told["attachments"][0]["blocks"]
    assert {"type": "plain_text", "text": "*bold* <http://x|y>", "emoji": False} == section["text"]
    assert "<https://wiki.example.org/lvs?a=1&amp;b=2>" == context["elements"][0]["text"]


def test_mattermosts_markdown_is_escaped():
    told = chat.mattermost(replace(ALERT, subject="**x** @all [a](b) `c`", text="```\n@channel\n````"), LINK)
    assert "🔴 \\*\\*x\\*\\* @\u200ball \\[a\\]\\(b\\) \\`c\\`" == told["text"]
    attachment = told["attachments"][0]
    assert "`````\n```\n@channel\n````\n`````" == attachment["text"]
    assert LINK == attachment["title_link"]


def test_no_text_gets_out_of_mattermosts_fence():
    for text in HOSTILE.values():
        block = chat.mattermost(hostile_alert(1, text + "\n```\n~~~"), "")["attachments"][0]["text"]
        fence = re.match("`+", block)[0]
        inside = block[len(fence) + 1 : -len(fence) - 1]
        assert fence not in inside


def test_matrix_is_told_in_text_and_in_html():
    told = chat.matrix(replace(ALERT, subject="<b>&", text="<script>"), LINK)
    assert f"🔴 <b>&\n<script>\n{LINK}" == told["text"]
    assert (
        "<p>🔴 <strong>&lt;b&gt;&amp;</strong></p><pre><code>&lt;script&gt;</code></pre>"
        '<p><a href="https://wiki.example.org/lvs?a=1&amp;b=2">https://wiki.example.org/lvs?a=1&amp;b=2</a></p>'
    ) == told["html"]


def test_ntfy():
    told = ntfy.body(ALERT, "our-alerts", LINK)
    assert {
        "topic": "our-alerts", "title": ALERT.subject, "message": ALERT.text, "priority": 4, "tags": ["red_circle"],
        "click": LINK,
    } == told  # fmt: skip
    message = ntfy.body(replace(ALERT, text="é🚨" * 5000), "t", "")["message"]
    assert 3990 < len(message.encode()) <= 4000, "a longer one becomes a file"


def test_how_loud_it_is():
    assert Tone.GOOD is tone_of(at(Stage.RESOLVED, severity=Severity.BRAKE))
    assert Tone.INFO is tone_of(at(Stage.TEST))
    assert Tone.CRITICAL is tone_of(at(Stage.REPEATED, severity=Severity.FLOOR))
    assert all(isinstance(tone_of(at(Stage.OPENED, severity=severity)), Tone) for severity in Severity)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_bodies_stay_within_what_receivers_take(hostile):
    alert = hostile_alert(1, HOSTILE[hostile])
    slack = chat.slack(alert, LINK)
    assert all(len(block["text"]["text"]) <= 3000 for one in slack["attachments"] for block in one["blocks"][:-1])
    mattermost = chat.mattermost(alert, LINK)
    assert len(mattermost["text"]) + len(mattermost["attachments"][0]["text"]) < 16383
    assert len(json.dumps(chat.matrix(alert, LINK)).encode()) < 4 * 65536
    assert len(json.dumps(pagerduty.body(alert, "r", LINK), ensure_ascii=False).encode()) < 524288
