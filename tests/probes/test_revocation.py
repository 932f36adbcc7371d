"""Whether staples are asked for, by whom, and what becomes of what is seen."""

from dataclasses import replace

import pytest

from certificates import issue
from lvsmon.errors import CertificateRefused, TlsFailed
from lvsmon.model import Reason, Verdict
from lvsmon.net.tls.values import Stapled
from lvsmon.probes.pop3 import Pop3Probe
from lvsmon.probes.tls import TlsProbe
from lvsmon.testing.network import Close, Hang, Script, ScriptedConnector, Secure, Staple, run_scripted
from probes.mail_support import TARGET, dialogue, session
from staples import der, staple

ROOT = issue("Root", ca=True)
LEAF, DEMANDING = issue("shop", by=ROOT), issue("shop", by=ROOT, must_staple=True)
NOW = LEAF.certificate.not_valid_before_utc.timestamp() + 30 * 86400.0


def shaken(leaf=LEAF):
    return Secure(replace(session(days=10_000), der=der(leaf), at=NOW))


def seen(answer, leaf=LEAF):
    return Staple(Stapled(staple=answer, certificate=der(leaf), others=(der(ROOT),)))


def look(second, wanted="check", leaf=LEAF, **settings):
    first = [] if wanted == "ignore" else [Script(second)]
    connector = ScriptedConnector(*first, Script(shaken(leaf), Close()))
    outcome = run_scripted(TlsProbe(tls_staple=wanted, **settings), TARGET, connector)
    return outcome, connector.opened


GOOD, REVOKED = staple(LEAF, ROOT), staple(LEAF, ROOT, status="REVOKED")


def test_nobody_asks_unless_told():
    outcome, opened = look(None, "ignore")
    assert (Verdict.PASS, 1, False) == (outcome.verdict, len(opened), "revocation" in outcome.facts)


@pytest.mark.parametrize("wanted", ["check", "require"])
def test_a_good_staple_passes_and_a_revoked_certificate_fails(wanted):
    outcome, opened = look(seen(GOOD), wanted)
    assert (Verdict.PASS, "good") == (outcome.verdict, outcome.facts["revocation"])
    assert opened[0].secured == opened[1].secured  # asked for in the same way
    assert "closed" == opened[0].ended  # before the next is opened
    outcome, _ = look(seen(REVOKED), wanted)
    assert (Verdict.FAIL, Reason.CERTIFICATE, "revoked") == (
        outcome.verdict,
        outcome.reason,
        outcome.facts["revocation"],
    )


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (seen(b"junk"), "the revocation staple cannot be read"),
        (seen(GOOD, DEMANDING), "came with another certificate than the one judged"),
        (Staple(TlsFailed("no cipher")), "cannot be seen: no cipher"),
        (Hang(), "cannot be seen: no handshake in time"),
    ],
)
def test_what_cannot_be_gone_by_warns_where_it_is_not_required(second, words):
    outcome, _ = look(second)
    assert (Verdict.WARN, Reason.DEGRADED, "unusable") == (outcome.verdict, outcome.reason, outcome.facts["revocation"])
    assert words in outcome.detail
    outcome, _ = look(second, "require")
    assert (Verdict.FAIL, Reason.CERTIFICATE) == (outcome.verdict, outcome.reason)
    assert outcome.detail.endswith("and tls_staple demands a good one")


def test_none_passes_where_neither_we_nor_the_certificate_demand_one():
    assert Verdict.PASS is look(seen(None))[0].verdict
    assert Verdict.FAIL is look(seen(None), "require")[0].verdict
    outcome, _ = look(seen(None, DEMANDING), leaf=DEMANDING)
    assert (Verdict.FAIL, True) == (outcome.verdict, "must-staple" in outcome.detail)


def test_a_refused_certificate_is_told_as_ever():
    connector = ScriptedConnector(
        Script(seen(GOOD)), Script(Secure(CertificateRefused("unknown CA"))), Script(shaken())
    )
    outcome = run_scripted(TlsProbe(tls_staple="require"), TARGET, connector)
    assert (Verdict.FAIL, True) == (outcome.verdict, outcome.detail.startswith("unknown CA"))


def test_behind_starttls_both_connections_say_the_same():
    hello = dialogue("+OK hello", "C: CAPA", "-ERR what", "C: STLS", "+OK go")
    rest = dialogue("C: CAPA", "-ERR what", "C: QUIT", "+OK bye")
    connector = ScriptedConnector(Script(*hello, seen(GOOD)), Script(*hello, shaken(), *rest))
    outcome = run_scripted(Pop3Probe(tls="starttls", tls_staple="require"), TARGET, connector)
    assert (Verdict.PASS, "good") == (outcome.verdict, outcome.facts["revocation"]), outcome


def test_a_staple_is_not_wanted_of_a_certificate_that_nobody_judges():
    with pytest.raises(ValueError, match="tls_staple: decides nothing while tls_verify is false"):
        TlsProbe(tls_verify=False, tls_staple="check")
