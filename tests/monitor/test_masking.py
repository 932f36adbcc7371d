"""No secret in a transcript, however it was written on the wire."""

import base64
import re
from dataclasses import dataclass, field
from itertools import pairwise
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lvsmon.model import Outcome, Reason, Target, Verdict
from lvsmon.model.settings import Secret
from lvsmon.monitor.masking import STARS, Masker, secrets_in
from lvsmon.monitor.transcript import Event, Recorder, Step
from lvsmon.probes.http import HttpProbe
from lvsmon.testing.network import Close, Script, ScriptedConnector, Until, run_scripted

WORD = 'hun"ter\\2 é'


def masked(*said, secrets=(WORD,)):
    """Return what is shown of ``said``, alternately (step, data)."""
    events = tuple(Event(0.0, step, data) for step, data in said)
    return [event.data for event in Masker(map(Secret, secrets)).transcript(events)]


def sent(*parts, **more):
    return masked(*((Step.SENT, part) for part in parts), **more)


@pytest.mark.parametrize(
    "form",
    [
        WORD.encode(),
        WORD.encode("latin-1"),
        WORD.encode("utf-16-le"),
        quote(WORD).encode(),
        quote(WORD).lower().encode(),
        b'hun\\"ter\\\\2 \xc3\xa9',
        b'hun\\"ter\\\\2 \\u00e9',
    ],
)
def test_a_secret_is_found_as_protocols_write_it(form):
    assert [b"PASS " + STARS.encode() + b"\r\n"] == sent(b"PASS " + form + b"\r\n")


@given(st.text(max_size=9), st.text(max_size=9))
@example("user:", "")
def test_a_secret_within_base64_is_found_wherever_it_stands(before, after):
    """Basic authorisation, SASL PLAIN: the whole word is masked, for its neighbours tell of it."""
    word = base64.b64encode((before + WORD + after).encode())
    assert [b"AUTH PLAIN " + STARS.encode() + b"\r\n"] == sent(b"AUTH PLAIN " + word.rstrip(b"=") + b"\r\n")


@given(st.binary(max_size=30), st.lists(st.integers(0, 40), max_size=4), st.binary(max_size=30))
def test_a_secret_spread_over_several_writes_is_found(before, cuts, after):
    """And nothing but it is lost."""
    secret = b"correct horse"
    whole = before + secret + after
    places = sorted({0, *(cut for cut in cuts if cut < len(whole)), len(whole)})
    parts = [whole[start:end] for start, end in pairwise(places)]
    shown = b"".join(sent(*parts, secrets=(secret.decode(),)))
    assert shown == whole.replace(secret, STARS.encode())


def test_what_the_realserver_repeats_is_masked_too():
    """The other direction's words between do not hide it."""
    shown = masked(
        (Step.RECEIVED, b"535 bad correct"), (Step.SENT, b"x"), (Step.RECEIVED, b"horse\r\n"), secrets=("correcthorse",)
    )
    assert shown == [b"535 bad ********", b"x", b"\r\n"]


def test_beside_a_cut_nothing_of_a_secret_is_left():
    """Half a password is half a secret."""
    recorder = Recorder(200)
    recorder.sent(b"x" * 60 + b"correct horse" + b"y" * 200 + b"correct horse" + b"z" * 60)
    transcript = Masker([Secret("correct horse")]).transcript(recorder.transcript())
    shown = b"|".join(event.data for event in transcript)
    assert any(event.step is Step.OMITTED for event in transcript)
    assert not re.search(rb"[corehst]", shown)
    assert shown.startswith(b"xxxx")
    assert shown.endswith(b"zzzz")


def test_authorisation_is_masked_whoever_wrote_it():
    """A token among the headers is no setting of type secret, but as good as one."""
    request = b"GET / HTTP/1.1\r\nauthorization: Bearer abc\r\nHost: x\r\nProxy-Authorization: Basic eA==\r\n\r\n"
    (shown,) = sent(request, secrets=())
    assert shown == request.replace(b"Bearer abc", b"********").replace(b"Basic eA==", b"********")


def test_a_run_with_a_password_shows_no_word_of_it():
    """Through a real kind: the header as sent, and a detail that quotes what the realserver made of it."""
    probe = HttpProbe(username="probe", password=Secret("s3cret"), path="/?s3cret")
    recorder = Recorder()
    target = Target(address="10.1.0.11", port=80, hostname="www.example.org")
    script = Script(Until(b"\r\n\r\n"), Close())
    run_scripted(probe, target, ScriptedConnector(script, trace=recorder))
    raw = b"".join(event.data for event in recorder.transcript())
    shown = b"".join(event.data for event in Masker(secrets_in(probe)).transcript(recorder.transcript()))
    for word in (b"s3cret", base64.b64encode(b"probe:s3cret")):
        assert (word in raw, word in shown) == (True, False)


def test_outcomes_are_masked():
    outcome = Outcome(
        verdict=Verdict.FAIL, reason=Reason.REJECTED, detail="no hunter2", facts={"a": "hunter2!", "n": 7}
    )
    shown = Masker([Secret("hunter2")]).outcome(outcome)
    assert (shown.detail, dict(shown.facts)) == ("no ********", {"a": "********!", "n": 7})


@dataclass(frozen=True)
class Inner:
    key: Secret


@dataclass(frozen=True)
class Outer:
    inner: Inner
    many: tuple[Secret, ...] = ()
    table: dict[str, Secret] = field(default_factory=dict)
    plain: str = "plain"


def test_secrets_are_found_in_settings_of_settings():
    probe = Outer(Inner(Secret("a")), (Secret("b"),), {"x": Secret("c")})
    assert ["a", "b", "c"] == [secret.reveal() for secret in secrets_in(probe)]
