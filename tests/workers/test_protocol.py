"""What a worker says: everything that it means comes over, and whatever else it sends is refused."""

import base64
import contextlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.errors import MAX_DETAIL
from lvsmon.model import Health, Outcome, Phases, ProbeState, Reason, Transition, Verdict, Weight
from lvsmon.monitor.news import Look, News
from lvsmon.monitor.run import Run
from lvsmon.monitor.stretches import Stretch
from lvsmon.monitor.transcript import Event, Step
from lvsmon.monitor.vitals import Figures, ProbingVitals
from lvsmon.monitor.waiting import Ran
from lvsmon.monitor.workers import saying, up
from lvsmon.monitor.workers.frames import MOST_UP, Frames, TooLong, framed
from oneshot_support import spec

TEXTS = st.text(max_size=60) | st.sampled_from(["", "\ud800", "a\0b", '"\\', "é" * 400, "\x1b[31m"])
FINITE = st.floats(min_value=0, max_value=100)
OUTCOMES = st.builds(
    Outcome,
    verdict=st.sampled_from(Verdict),
    reason=st.sampled_from(Reason),
    detail=TEXTS,
    facts=st.dictionaries(
        st.text(max_size=10), TEXTS | st.integers(-(2**63), 2**63) | st.floats() | st.booleans(), max_size=4
    ),
    phases=st.builds(Phases, connect=st.none() | FINITE, total=FINITE),
    weight=st.none() | st.builds(Weight, st.integers(0, 65535), percent=st.booleans()),
)
STATES = st.builds(
    ProbeState,
    health=st.sampled_from(Health),
    passes=st.integers(0, 9),
    fails=st.integers(0, 1000),
    unknowns=st.integers(0, 10**6),
    since=FINITE,
    last=st.none() | OUTCOMES,
    weight=st.none() | st.just(Weight(3)),
    heard=FINITE,
    passed=FINITE,
)
DIALOGUES = st.lists(
    st.builds(Event, FINITE, st.sampled_from(Step), st.binary(max_size=40), st.integers(0, 9)), max_size=4
)


def plain(state):
    """Return what must come over of ``state``: texts without halves of characters, facts that JSON has."""
    if state.last is None:
        return state
    (back,) = [up.decode(frame) for frame in saying.news([News("x", state)])]
    return back.news[0].heard().state


@given(STATES, DIALOGUES, st.booleans())
def test_news_come_over_as_they_are(state, dialogue, changed):
    state = plain(state)
    before = Health.DOWN if state.health is Health.UP else Health.UP
    transition = Transition("x", before, state.health, state.last, state.since) if changed and state.last else None
    news = News("x", state, transition, tuple(dialogue))
    (frame,) = saying.news([news])
    (back,) = up.decode(frame).news
    assert back.heard() == news


@given(STATES, STATES, DIALOGUES, OUTCOMES)
def test_a_run_comes_over_with_what_the_supervisor_knows_of_its_probe(before, after, dialogue, outcome):
    one = spec("192.0.2.1", 80)
    before, after = plain(before), plain(after)
    outcome = plain(ProbeState(last=outcome)).last
    run = Run(kind="tcp", target=one.target, timeout=one.timeout, at=5.0, outcome=outcome, transcript=tuple(dialogue))
    said = up.decode(saying.ran(7, Ran(run, before, after)))
    assert (said.number, said.ran.run_of(one)) == (7, Ran(run, before, after))
    assert up.decode(saying.ran(8, None)).ran is None


@given(STATES)
def test_a_look_comes_over(state):
    look = Look(plain(state), (Stretch(Verdict.FAIL, Reason.REFUSED, 3, 1.0, 2.0, "no"),))
    (frame,) = saying.looked(9, {"x": look})
    said = up.decode(frame)
    assert (said.number, said.more, [each.look() for each in said.looks]) == (9, False, [look])


COUNTS = st.integers(0, 2**53)
FIGURES = st.builds(Figures, COUNTS, FINITE, FINITE)


@given(
    st.builds(
        ProbingVitals,
        lag=FIGURES,
        starts=FIGURES,
        runs=COUNTS,
        runs_per_second=FINITE,
        outcomes=st.dictionaries(st.sampled_from([str(verdict) for verdict in Verdict]), COUNTS),
        starved=COUNTS,
        tripwires_held=COUNTS,
    )
)
def test_how_a_worker_is_doing_comes_over(vitals):
    assert up.decode(saying.vitals(vitals)).vitals.vitals() == vitals


def test_what_is_much_goes_in_frames_that_are_not_too_large():
    state = ProbeState(last=Outcome(verdict=Verdict.FAIL, reason=Reason.REFUSED, detail="é" * 400))
    dialogue = (Event(0.0, Step.RECEIVED, b"x" * 8000),)
    frames = list(saying.news([News(str(number), state, dialogue=dialogue) for number in range(100)]))
    assert len(frames) > 1
    assert max(map(len, frames)) <= MOST_UP
    assert [each.probe for frame in frames for each in up.decode(frame).news] == [str(number) for number in range(100)]
    *parts, last = [up.decode(each) for each in saying.looked(1, {str(n): Look(state, ()) for n in range(100)})]
    assert parts
    assert all(each.more for each in parts)
    assert not last.more


def test_what_has_not_been_yet_was_now():
    """A time to come would count as an answer to what is asked later."""
    state = plain(ProbeState(heard=1e11, passed=1e11, since=1e11, last=Outcome(verdict=Verdict.PASS, reason=Reason.OK)))
    assert max(state.heard, state.passed) < 1e9 * 5
    assert state.since < 1e11


def test_a_log_line_comes_over_within_bounds():
    said = up.decode(saying.log(30, "a bug", {"traceback": "x" * 10**6, "seconds": 0.5, "detail": "\ud800"}))
    assert (said.level, said.event, said.fields["seconds"], said.fields["detail"]) == (30, "a bug", 0.5, "\\ud800")
    assert len(said.fields["traceback"]) == saying.MOST_FIELD


LONG = base64.b64encode(b"x" * 20_000).decode()
GOOD = {
    "say": "news",
    "news": [{"probe": "x", "state": ["UP", 1, 0, 0, 0, None, None, 0, 0], "before": None, "dialogue": []}],
}


def changed(**state):
    fields = list(GOOD["news"][0]["state"])
    for place, value in state.items():
        fields[int(place[1:])] = value
    return {"say": "news", "news": [{**GOOD["news"][0], "state": fields}]}


OUTCOME = {
    "verdict": "PASS",
    "reason": "ok",
    "detail": "",
    "phases": [None, None, None, 0.0],
    "facts": {},
    "weight": None,
}


def test_the_frame_that_the_bad_ones_are_made_of_is_good():
    assert up.decode(json.dumps(GOOD).encode()).news[0].probe == "x"
    assert up.decode(json.dumps(changed(_5=OUTCOME)).encode()).news[0].state[5].verdict is Verdict.PASS


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"say":"die"}',
        b'{"say":"ready"}',
        b'{"say":"took","number":-1}',
        b'{"say":"took","number":"1"}',
        b'{"say":"took","number":1,"more":1}',
        b'{"say":"took","number":1e999}',
        b"[" * 100_000,
        b'{"say":"news","news":[' + b"[" * 5000,
        b"\xff\xfe",
        *(
            json.dumps(each).encode()
            for each in (
                changed(_0="BROKEN"),
                changed(_1=-1),
                changed(_1=True),
                changed(_1=1.5),
                changed(_1=10**400),
                changed(_4=math.nan),
                changed(_4=math.inf),
                changed(_6="100000000000"),
                changed(_6=3),
                changed(_5={**OUTCOME, "detail": "x" * (MAX_DETAIL * 10 + 1)}),
                changed(_5={**OUTCOME, "facts": {"a": [1]}}),
                changed(_5={**OUTCOME, "facts": {"a": 10**400}}),
                changed(_5={**OUTCOME, "facts": {str(n): 1 for n in range(201)}}),
                changed(_5={**OUTCOME, "verdict": "MAYBE"}),
                changed(_5={**OUTCOME, "phases": [1]}),
                changed(_5={**OUTCOME, "more": 1}),
                {"say": "news", "news": [{**GOOD["news"][0], "probe": "x" * 1025}]},
                {"say": "news", "news": [{**GOOD["news"][0], "dialogue": [[0, "sent", "not base64!", 0]]}]},
                {"say": "news", "news": [{**GOOD["news"][0], "dialogue": [[0, "sent", "", 0]] * 10_000}]},
                {"say": "news", "news": [{**GOOD["news"][0], "dialogue": [[0, "sent", LONG, 0]]}]},
                {"say": "log", "level": 60, "event": "x", "fields": {}},
                {"say": "log", "level": 20, "event": "x" * 101, "fields": {}},
                {"say": "log", "level": 20, "event": "x", "fields": {"Level": "x"}},
                {"say": "log", "level": 20, "event": "x", "fields": {"event": "transition"}},
                {"say": "log", "level": 20, "event": "x", "fields": {"worker": 1}},
                {"say": "log", "level": 20, "event": "x", "fields": {"a b": "x"}},
            )
        ),
    ],
)  # fmt: skip
def test_anything_else_is_refused(bad):
    with pytest.raises(up.Refused):
        up.decode(bad)


WORDS = st.sampled_from(["say", "news", "ran", "looks", "number", "took", "x"])
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
)


@given(st.binary(max_size=300) | DOCUMENTS.map(lambda document: json.dumps(document).encode()))
def test_any_bytes_are_said_or_refused_and_nothing_else_comes_of_them(data):
    with contextlib.suppress(up.Refused):
        assert isinstance(up.decode(data), up.Ready | up.Took | up.News | up.Looked | up.Ended | up.Log)


@given(st.data())
def test_a_good_frame_that_was_tampered_with_is_said_or_refused(data):
    frame = bytearray(json.dumps(changed(_5=OUTCOME)).encode())
    for place, byte in data.draw(st.lists(st.tuples(st.integers(0, len(frame) - 1), st.integers(0, 255)), max_size=3)):
        frame[place] = byte
    with contextlib.suppress(up.Refused):
        assert isinstance(up.decode(bytes(frame)), up.News)


@given(st.lists(st.binary(max_size=50), max_size=5), st.lists(st.integers(1, 9), max_size=30))
def test_frames_come_out_whole_whatever_the_portions(bodies, portions):
    data, frames, found = b"".join(map(framed, bodies)), Frames(100), []
    for size in [*portions, len(data)]:
        frames.feed(data[:size])
        data = data[size:]
        while (frame := frames.next()) is not None:
            found.append(frame)
    assert found == bodies


def test_a_frame_that_is_too_long_is_refused_by_its_length_alone():
    frames = Frames(100)
    frames.feed(b"\0\0\0\x65")
    with pytest.raises(TooLong):
        frames.next()
