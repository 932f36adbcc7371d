"""No secret in a transcript, a detail, a fact or a log, however it was written on the wire."""

import asyncio
import base64
import re
from dataclasses import dataclass, field
from itertools import pairwise
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lvsmon.logs import EventFormatter
from lvsmon.model import Outcome, Reason, Target, Verdict
from lvsmon.model.settings import Secret
from lvsmon.monitor.runner import run
from lvsmon.monitor.transcript import Event, Recorder, Step
from lvsmon.monitor.transcript import masked as masked_transcript
from lvsmon.net.nested import in_reactor
from lvsmon.probes.http import HttpProbe
from lvsmon.secrets.forms import secrets_in
from lvsmon.secrets.masking import STARS, Masker, masker_of
from lvsmon.testing.network import Close, Script, ScriptedConnector, Until, run_scripted

WORD = 'hun"ter\\2 é'


def masked(*said, secrets=(WORD,)):
    """Return what is shown of ``said``, alternately (step, data)."""
    events = tuple(Event(0.0, step, data) for step, data in said)
    return [event.data for event in masked_transcript(events, Masker(map(Secret, secrets)))]


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
        WORD.encode().hex().encode(),
        WORD.encode().hex().upper().encode(),
        b'hun\\"ter\\\\2 \\195\\169',
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
    transcript = masked_transcript(recorder.transcript(), Masker([Secret("correct horse")]))
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
    shown = b"".join(event.data for event in masked_transcript(recorder.transcript(), masker_of(probe)))
    for word in (b"s3cret", base64.b64encode(b"probe:s3cret")):
        assert (word in raw, word in shown) == (True, False)


def test_outcomes_are_masked():
    outcome = Outcome(
        verdict=Verdict.FAIL, reason=Reason.REJECTED, detail="no hunter2", facts={"a": "hunter2!", "hunter2": 7}
    )
    shown = Masker([Secret("hunter2")]).outcome(outcome)
    assert (shown.detail, dict(shown.facts)) == ("no ********", {"a": "********!", "********": 7})


@pytest.mark.parametrize("secret", ["p", "on", "rep"])
def test_a_short_secret_is_found_as_a_word_and_leaves_others_legible(secret):
    """Stars within the words of a sentence would tell it; and programs look for facts by their names."""
    masker = Masker([Secret(secret)])
    outcome = Outcome(
        verdict=Verdict.FAIL, reason=Reason.REJECTED, detail=f"reply: Network portion, not {secret!r}",
        facts={"reply": f"user={secret};", "connection": 1},
    )  # fmt: skip
    shown = masker.outcome(outcome)
    assert ("reply: Network portion, not '********'", {"reply": "user=********;", "connection": 1}) == (
        shown.detail, dict(shown.facts),
    )  # fmt: skip
    plain = base64.b64encode(f"\0user\0{secret}".encode())
    said = masker.stream([f"PASS {secret}\r\n".encode(), b"AUTH PLAIN " + plain], cut_before=False, cut_after=False)
    assert [b"PASS ********\r\n", b"AUTH PLAIN ********"] == [part.rstrip(b"=") for part in said]


@given(st.text(max_size=9), st.text(max_size=9), st.sampled_from([str, repr, ascii, str.upper]))
def test_a_secret_is_found_as_details_tell_of_it(before, after, tell):
    """Quoted in Python's notation once or twice, in capitals; as text and as bytes that are no text."""
    masker = Masker([Secret(WORD)])
    for wire in (WORD.encode(), WORD.encode("latin-1"), quote(WORD).encode(), base64.b64encode(WORD.encode())):
        if tell is str.upper and wire == base64.b64encode(WORD.encode()):
            continue  # in capitals it says something else
        for told in (wire.decode("utf-8", "backslashreplace"), f"{wire!r}"):
            shown = masker.text(tell(f"{before} {told} {after}"))
            assert STARS in shown
            assert "hun" not in shown.removeprefix(before).removesuffix(after)


@pytest.mark.parametrize("mark", ["…", "…' and more", "' and more", ""])
@pytest.mark.parametrize("form", ["correct horse", "636f727265637420686f727365", "Y29ycmVjdCBob3JzZQ"])
@pytest.mark.parametrize("length", range(4, 13))
def test_what_a_cut_leaves_of_a_secret_is_masked(form, length, mark):
    """Half a password is half a secret; without a mark, only what is as long as what is cut."""
    said = f"it says '{'x' * 40} {form[:length]}"
    told = length >= {"c": 3, "6": 3, "Y": 4}[form[0]]
    assert (Masker([Secret("correct horse")]).text(said + mark) == f"it says '{'x' * 40} {STARS}{mark}") is told


def test_a_word_that_only_begins_like_a_secret_is_left():
    """Stars in its place would tell how the secret begins."""
    text = "the answer to 'PASS' is a pass, passed on"
    assert text == Masker([Secret("password")]).text(text)


def test_a_bug_of_ours_is_logged_without_the_secret(caplog):
    """The traceback quotes what the code choked on."""

    async def choke(self, target, ctx):
        raise KeyError("s3cret-word")

    probe = type("Choking", (HttpProbe,), {"check": choke})(username="probe", password=Secret("s3cret-word"))

    async def once():
        await in_reactor(lambda engine: run(probe, Target(address="127.0.0.1", port=1), 1, engine))

    asyncio.run(once())
    (record,) = caplog.records
    assert (STARS in record.fields["traceback"], "s3cret" in record.fields["traceback"]) == (True, False)
    assert "s3cret" not in EventFormatter().format(record)


@dataclass(frozen=True)
class Inner:
    key: Secret


@dataclass(frozen=True)
class Outer:
    inner: Inner
    many: tuple[Secret, ...] = ()
    table: dict[str, Secret] = field(default_factory=dict)
    plain: str = "plain"
    pattern: re.Pattern[bytes] | None = None
    names: tuple[str, ...] = ()


def test_secrets_are_found_in_settings_of_settings():
    probe = Outer(Inner(Secret("a")), (Secret("b"),), {"x": Secret("c")})
    assert ["a", "b", "c"] == [secret.reveal() for secret in secrets_in(probe)]
