"""webhook with body = "alertmanager" against a real Alertmanager, read back by its own API."""

import asyncio
import json
import time
import urllib.request
from dataclasses import replace
from datetime import datetime

import pytest

from daemons.conftest import eventually, free_port
from lvsmon.actions.webhook import WebhookChannel
from lvsmon.alerts.alert import Stage
from lvsmon.alerts.condition import Subject
from lvsmon.errors import ActionFailed
from lvsmon.testing.channel_conformance import HOSTILE, hostile_alert, sample_alert

CONFIG = "route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n"


@pytest.fixture(scope="module")
def base(start, tmp_path_factory):
    folder = tmp_path_factory.mktemp("alertmanager")
    port = free_port()
    daemon = start(
        "prometheus-alertmanager", "--config.file={directory}/config.yml", "--storage.path={directory}/data",
        f"--web.listen-address=[::]:{port}", "--web.route-prefix=/am", "--cluster.listen-address=",
        files={"config.yml": CONFIG}, directory=folder,
    )  # fmt: skip

    def ready():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/am/-/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            assert daemon.process.poll() is None, daemon.log()
            return False

    eventually(ready, bool)
    return f"http://127.0.0.1:{port}/am"


def deliver(base, alert, **settings):
    asyncio.run(WebhookChannel(url=base, body="alertmanager", **settings).deliver(alert))


def active(base, incident):
    """Return the alerts of an incident that fire, as Alertmanager tells them."""
    return [one for one in every(base) if one["labels"].get("incident") == incident]


def every(base):
    with urllib.request.urlopen(f"{base}/api/v2/alerts?active=true", timeout=5) as answer:  # noqa: S310  ours
        return json.load(answer)


def left(seen):
    """Return the seconds until Alertmanager ends it by itself."""
    return datetime.fromisoformat(seen["endsAt"]).timestamp() - time.time()


def now(number, **more):
    return replace(sample_alert(number), at=time.time(), since=time.time() - 60, **more)


def test_it_fires_once_and_is_resolved(base):
    alert = now(1)
    deliver(base, alert, labels={"team": "lvs"}, link="https://wiki.example.org/{virtual}")
    (seen,) = active(base, "incident-1")
    assert {
        "alertname": "lvsmon", "director": alert.director, "incident": "incident-1", "team": "lvs",
        "condition": "down", "virtual": "shop", "realserver": "rs2", "destination": "10.1.0.12:443",
    } == seen["labels"]  # fmt: skip
    assert (alert.subject, alert.text) == (seen["annotations"]["summary"], seen["annotations"]["description"])
    assert "https://wiki.example.org/shop" == seen["generatorURL"]
    deliver(base, alert, labels={"team": "lvs"})
    worse = replace(alert.conditions[0], seen="worse", facts={}, left="")
    changed = replace(alert, stage=Stage.CHANGED, subject="worse", conditions=(worse,))
    deliver(base, changed, labels={"team": "lvs"})
    (again,) = active(base, "incident-1")
    assert (seen["fingerprint"], "worse") == (again["fingerprint"], again["annotations"]["summary"])
    assert seen["startsAt"] == again["startsAt"]
    deliver(base, replace(changed, stage=Stage.RESOLVED, at=time.time()), labels={"team": "lvs"})
    eventually(lambda: active(base, "incident-1"), lambda found: not found)


def test_what_is_over_is_resolved_while_the_others_of_its_group_go_on(base):
    """Three of a group, told together; one is over, and later the rest."""
    alert = now(8)
    three = [
        replace(
            alert.conditions[0], subject=Subject("shop", f"rs{number}", f"10.1.0.{number}:443"), summary=f"{number}"
        )
        for number in (1, 2, 3)
    ]

    def firing():
        return sorted(
            (one["labels"]["realserver"], one["annotations"]["summary"]) for one in active(base, "incident-8")
        )

    deliver(base, replace(alert, conditions=tuple(three)))
    assert firing() == [("rs1", "1"), ("rs2", "2"), ("rs3", "3")]
    left = replace(alert, stage=Stage.CHANGED, conditions=(three[0], three[2]), over=(three[1],), at=time.time())
    deliver(base, left)
    eventually(firing, lambda found: found == [("rs1", "1"), ("rs3", "3")])
    deliver(base, replace(left, stage=Stage.RESOLVED, over=(), at=time.time()))
    eventually(firing, lambda found: not found)


def test_it_stays_for_as_long_as_it_is_held(base):
    deliver(base, now(2), hold=3600.0)
    (seen,) = active(base, "incident-2")
    assert 3500 < left(seen) <= 3600


def test_two_incidents_are_two(base):
    deliver(base, now(3))
    deliver(base, now(4))
    deliver(base, replace(now(3), stage=Stage.RESOLVED))
    eventually(lambda: active(base, "incident-3"), lambda found: not found)
    assert 1 == len(active(base, "incident-4"))


def test_the_whole_path_may_be_written(base):
    deliver(base + "/api/v2/alerts", now(5))
    assert active(base, "incident-5")


@pytest.mark.parametrize("stage", [Stage.TEST, Stage.HEARTBEAT, Stage.DIGEST, Stage.HELD_BACK])
def test_what_is_of_no_incident_ends_by_itself(base, stage):
    deliver(base, replace(now(6), stage=stage))
    (seen,) = [one for one in every(base) if one["labels"]["alertname"] == f"lvsmon_{stage}"]
    assert 200 < left(seen) <= 300


def test_hostile_texts_are_taken(base):
    for number, text in enumerate(HOSTILE.values()):
        deliver(base, replace(hostile_alert(number, text), at=time.time(), incident=f"hostile-{number}"))
        assert 1 == len(active(base, f"hostile-{number}"))


def test_what_it_refuses_is_final(base):
    with pytest.raises(ActionFailed, match="answered 400 Bad Request") as caught:
        asyncio.run(WebhookChannel(url=base + "/api/v2/alerts").deliver(sample_alert()))
    assert caught.value.final
    with pytest.raises(ActionFailed, match="answered 404 Not Found") as caught:
        deliver(base + "/elsewhere", now(7))
    assert caught.value.final
