"""What is kept of a dialogue: in order, within bounds, the beginning and the end."""

import asyncio
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.model import Outcome, Reason, Target, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.monitor.runner import run
from lvsmon.monitor.transcript import LIMIT, STEP_COST, Event, Failure, Failures, Recorder, Step, one_line
from lvsmon.net.nested import in_reactor
from lvsmon.probes.smtp import SmtpProbe
from lvsmon.probes.tcp import TcpProbe
from lvsmon.testing.network import Close, Expect, Script, ScriptedConnector, Send, run_scripted

FAIL = Outcome(verdict=Verdict.FAIL, reason=Reason.CLOSED, detail="it went away")


def steps(transcript):
    return [(event.step, event.data) for event in transcript]


def test_a_dialogue_is_told_in_order():
    """What a probe said and heard, and that the realserver closed."""
    recorder = Recorder()
    script = Script(Send(b"220 x\r\n"), Expect(b"EHLO localhost.localdomain\r\n"), Send(b"250 x\r\n"), Close())
    run_scripted(SmtpProbe(), Target(address="10.1.0.11", port=25), ScriptedConnector(script, trace=recorder))
    assert steps(recorder.transcript()) == [
        (Step.CONNECTING, b"10.1.0.11 port 25"),
        (Step.CONNECTED, b""),
        (Step.RECEIVED, b"220 x\r\n"),
        (Step.SENT, b"EHLO localhost.localdomain\r\n"),
        (Step.RECEIVED, b"250 x\r\n"),
        (Step.SENT, b"QUIT\r\n"),
        (Step.ENDED, b""),
    ]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_real_sockets_are_heard_too(host):
    """The runner takes the recorder for its own trace: phases are stamped as ever."""

    async def main():
        async def serve(reader, writer):
            writer.write(await reader.readexactly(4))
            writer.close()

        server = await asyncio.start_server(serve, host, 0)
        port = server.sockets[0].getsockname()[1]
        recorder = Recorder()
        probe = TcpProbe(send=b"PING", expect=Regex(b"PONG"))
        outcome = await in_reactor(
            lambda engine: run(probe, Target(address=host, port=port), 5.0, engine, trace=recorder)
        )
        server.close()
        return outcome, recorder.transcript(), port

    outcome, transcript, port = asyncio.run(main())
    assert (outcome.reason, outcome.phases.first_byte is not None) == (Reason.CLOSED, True)
    assert steps(transcript) == [
        (Step.CONNECTING, f"{host} port {port}".encode()),
        (Step.CONNECTED, b""),
        (Step.SENT, b"PING"),
        (Step.RECEIVED, b"PING"),
        (Step.ENDED, b""),
    ]
    times = [event.at for event in transcript]
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] <= outcome.phases.total


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=200)), max_size=40), st.integers(80, 2000))
def test_what_is_kept_is_the_beginning_and_the_end_and_the_rest_is_counted(said, limit):
    recorder = Recorder(limit)
    for by_us, data in said:
        (recorder.sent if by_us else recorder.received)(data)
    transcript = recorder.transcript()
    whole = b"".join(data for _, data in said)
    cuts = [number for number, event in enumerate(transcript) if event.step is Step.OMITTED]
    if not cuts:
        assert whole == b"".join(event.data for event in transcript)
        return
    (cut,) = cuts
    head = b"".join(event.data for event in transcript[:cut])
    tail = b"".join(event.data for event in transcript[cut + 1 :])
    assert whole.startswith(head)
    assert whole.endswith(tail)
    assert len(head) + transcript[cut].omitted + len(tail) == len(whole)
    assert sum(len(event.data) + STEP_COST for event in transcript[:cut] + transcript[cut + 1 :]) <= limit + STEP_COST


def test_a_flood_costs_no_more_than_the_limit():
    """Large reads are not kept alive by the few bytes that are shown of them, nor many small ones by their number."""
    recorder = Recorder()
    recorder.received(b"warm")
    tracemalloc.start()
    try:
        for _ in range(100):
            recorder.received(bytes(65536))
        for _ in range(5000):
            recorder.received(bytes(1))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 5 * LIMIT


def test_one_line_for_a_log():
    """Nothing of what a realserver sent breaks the line; the middle of a long one is left out."""
    events = (
        Event(0.0, Step.CONNECTING, b"10.1.0.11 port 25"),
        Event(0.001, Step.CONNECTED),
        Event(0.25, Step.RECEIVED, b"\x1b[2J\r\n"),
        Event(0.25, Step.OMITTED, omitted=7),
        Event(0.5, Step.SENT, b"QUIT"),
    )
    told = one_line(events)
    assert told == (
        "0.000 connecting 10.1.0.11 port 25; 0.001 connected; 0.250 received '\\x1b[2J\\r\\n';"
        " 0.250 7 bytes omitted; 0.500 sent 'QUIT'"
    )
    short = one_line(events, 60)
    assert (len(short) <= 60, short[:9], short[-4:]) == (True, told[:9], told[-4:])


def failure(size):
    return Failure(0.0, FAIL, (Event(0.0, Step.SENT, bytes(size - STEP_COST)),))


def test_the_last_failure_of_each_probe_is_kept_within_a_total():
    kept = Failures(limit=1000)
    for name in ("a", "b", "a"):
        kept.keep(name, failure(300))
    kept.keep("c", failure(400))
    assert all(kept.of(name) is not None for name in "abc")
    kept.keep("d", failure(300))
    assert [None, True, True, True] == [kept.of(name) and True for name in "bacd"]


def test_probes_that_are_gone_are_forgotten():
    kept = Failures(limit=1000)
    kept.keep("a", failure(400))
    kept.keep("b", failure(400))
    kept.retain({"b"})
    kept.keep("c", failure(600))
    assert (kept.of("a"), kept.of("b") is not None, kept.of("c") is not None) == (None, True, True)
