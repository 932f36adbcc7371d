"""What the figures of the page count, and which checks of the peers are held against which probes."""

import json

import pytest

from lvsmon.model.settings import Secret
from lvsmon.probes.dns import DnsProbe
from lvsmon.probes.http import HttpProbe
from lvsmon.probes.imap import ImapProbe
from lvsmon.probes.ldap import LdapProbe
from lvsmon.probes.memcached import MemcachedProbe
from lvsmon.probes.mysql import MysqlProbe
from lvsmon.probes.statuses import Statuses
from verdicts import figures, hostile, natural
from verdicts.record import ENDED, STOPPED, Row
from verdicts.tellable import compares

KEPT, MISSED = Row("http", "nginx", "a", "", {"IPv4": ["PASS"]}), Row("http", "nginx", "b", "", {"IPv4": ["FAIL tls"]})
OTHER = Row("http", "nginx", "c", "", {"IPv4": ["FAIL expectation"]})
OURS = Row("http", "", "d", "", {"IPv4": ["UNKNOWN local_network"]})
BOTH = Row("http", "nginx", "e", "", {"IPv4": ["PASS", "FAIL refused"]})


def _told(**theirs):
    rows = {"KEPT": KEPT, "MISSED": MISSED, "OTHER": OTHER, "OURS": OURS, "BOTH": BOTH}
    daemons = {json.dumps(rows[name].key): {"mon x": word} for name, word in theirs.items()}
    return list(figures.compared(rows.values(), {}, daemons))


@pytest.mark.parametrize(
    ("theirs", "counts"),
    [
        ({"KEPT": "up", "MISSED": "down", "OTHER": "down", "OURS": "up"}, (2, 0, 0, 1, 0, 1, 0)),
        ({"KEPT": "down", "MISSED": "up", "OTHER": "up", "OURS": "down"}, (2, 2, 0, 1, 1, 1, 1)),
        ({"KEPT": "hangs", "MISSED": "kept", "OTHER": "died"}, (2, 1, 1, 1, 1, 0, 0)),
        ({"BOTH": "down"}, (0, 0, 0, 0, 0, 0, 0)),
    ],
)
def test_what_is_counted(theirs, counts):
    (line,) = [row for row in figures.by_peer(_told(**theirs)).splitlines() if row.startswith("| mon")]
    assert counts == tuple(map(int, line.strip("| ").split(" | ")[2:]))


def test_what_misbehaves_and_passes_is_no_measure_for_a_peer():
    seen = {"http": {"mon x": {"http_then_reset": "down", "silent": "up", "http_endless_chunks": "down"}}}
    assert [["FAIL"]] == [mine for *_, mine, _ in figures.compared([], seen, {})]


LOGIN = {"username": "me", "password": Secret("x")}


@pytest.mark.parametrize(
    ("check", "probe", "fits"),
    [
        ("mon http.monitor", HttpProbe(), True),
        ("mon http.monitor", HttpProbe(version="2"), False),
        ("mon http.monitor", HttpProbe(status=Statuses.read(503)), False),
        ("ldirectord http", HttpProbe(**LOGIN), False),
        ("mon imap.monitor", ImapProbe(**LOGIN), True),
        ("mon imap.monitor", ImapProbe(tls="implicit"), False),
        ("ldirectord ldap", LdapProbe(), True),
        ("ldirectord ldap", LdapProbe(tls="starttls"), False),
        ("ldirectord ldaps", LdapProbe(tls="implicit"), True),
        ("mon ldap.monitor", LdapProbe(), False),
        ("mon ldap.monitor", LdapProbe(base="dc=x", attribute="cn", value="y"), True),
        ("ldirectord dns", DnsProbe(name="example.org"), False),
        ("ldirectord dns", DnsProbe(name="example.org", type="A"), True),
        ("ldirectord mysql", MysqlProbe(), False),
        ("ldirectord mysql", MysqlProbe(user="me"), True),
    ],
)
def test_a_check_is_compared_where_it_could_pass_a_server_that_is_well(check, probe, fits):
    assert fits is compares(check, probe)
    for situation in (STOPPED, ENDED):
        assert compares(check, probe, situation)


def test_a_witness_keeps_what_the_peers_say_under_the_name_that_a_row_has_in_the_end():
    """Once for each row, over IPv4; of a kind that they have not, nothing."""
    asked = []

    def look(row, probe, host, port):
        asked.append((row.situation, host, port))
        return {"mon http.monitor": "up"}

    witness, row = natural.Witness(look), Row("http", "nginx", "a test", "", {})
    for host in ("::1", "127.0.0.1", "127.0.0.1"):
        witness(row, HttpProbe(), host, 80)
    witness(row, MemcachedProbe(), "127.0.0.1", 80)
    row.situation = "it is well"
    assert [("a test", "127.0.0.1", 80)] == asked
    assert {'["http", "nginx", "it is well", ""]': {"mon http.monitor": "up"}} == witness.found()


@pytest.mark.parametrize("module", [hostile, natural])
def test_what_the_lab_tells_joins_what_was_seen_here(module, monkeypatch, tmp_path):
    """keepalived's half comes later, and takes nothing from the other."""
    monkeypatch.setattr(module, "RESULTS", tmp_path / "results.json")
    asked = []

    def in_lab(*words):
        asked.append(words)
        return '{"http": {"keepalived HTTP_GET": "down"}}'

    monkeypatch.setattr(hostile, "in_lab", in_lab)
    hostile.keep(module.RESULTS, {"versions": {}, "checks": {"http": {"mon http.monitor": "up"}}})
    module.main(["lab"])
    assert [(module.__name__, "guest")] == asked
    assert {"mon http.monitor": "up", "keepalived HTTP_GET": "down"} == hostile.known(module.RESULTS)["checks"]["http"]
