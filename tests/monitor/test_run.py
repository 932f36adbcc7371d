"""A run as a document comes back as it was: what the daemon saw is what the command shows."""

import json

from hypothesis import given
from hypothesis import strategies as st

from lvsmon.model import Outcome, Phases, Reason, Target, Verdict, Weight
from lvsmon.monitor.run import Run, document, from_document
from lvsmon.monitor.transcript import Event, Step

DATA = st.binary(max_size=40)
AT = st.floats(0, 100).map(lambda at: round(at, 6))
EVENTS = st.one_of(
    st.builds(Event, AT, st.sampled_from([Step.SENT, Step.RECEIVED]), DATA),
    st.builds(Event, AT, st.just(Step.OMITTED), omitted=st.integers(0, 10**9)),
    st.builds(Event, AT, st.just(Step.CONNECTING), st.text(max_size=20).map(str.encode)),
    st.builds(Event, AT, st.sampled_from([Step.CONNECTED, Step.SECURING, Step.SECURED, Step.ENDED])),
)
SECONDS = st.none() | st.floats(0, 100)
RUNS = st.builds(
    Run,
    kind=st.sampled_from(["tcp", "http"]),
    target=st.none()
    | st.builds(
        Target,
        address=st.sampled_from(["10.1.0.11", "fd00::1"]),
        port=st.integers(0, 65535),
        hostname=st.none() | st.text(max_size=9),
        vip=st.none() | st.just("192.0.2.10"),
        vport=st.none() | st.integers(1, 65535),
    ),
    timeout=st.floats(0.01, 60),
    at=st.integers(0, 2**32).map(float),
    outcome=st.builds(
        Outcome,
        verdict=st.sampled_from(Verdict),
        reason=st.sampled_from(Reason),
        detail=st.text(max_size=20),
        facts=st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers() | st.booleans(), max_size=3),
        phases=st.builds(Phases, SECONDS, SECONDS, SECONDS, st.floats(0, 100)),
        weight=st.none() | st.builds(Weight, st.integers(0, 65535), percent=st.booleans()),
    ),
    transcript=st.lists(EVENTS, max_size=5).map(tuple),
    name=st.none() | st.text(max_size=9),
    others=st.lists(st.text(max_size=9), max_size=2).map(tuple),
)


@given(RUNS)
def test_a_run_comes_back_through_json(run):
    assert from_document(json.loads(json.dumps(document(run)))) == run
