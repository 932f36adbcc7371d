"""What monitoring plugins print."""

import pytest

from lvsmon.wire.plugin import MAX_METRICS, Metric, parse


@pytest.mark.parametrize(
    ("output", "text", "metrics"),
    [
        (b"", "", []),
        (b"DISK OK - free space: / 3326 MB", "DISK OK - free space: / 3326 MB", []),
        (b"PING OK|rta=0.032000ms;100;500;0 pl=0%;20;60;0\n", "PING OK", [("rta", 0.032, "ms"), ("pl", 0, "%")]),
        (b"OK | 'a b'=1 'it''s'=2c", "OK", [("a b", 1, ""), ("it's", 2, "c")]),
        (b"TCP OK|time=0.0001s;;;0.0;10.0", "TCP OK", [("time", 0.0001, "s")]),
        (b"OK | a=1\nmore\nmore | b=2\nc=3", "OK", [("a", 1, ""), ("b", 2, ""), ("c", 3, "")]),
        (b"OK | x=U y=-1,5 z=1e3 =5 q= w=5s5", "OK", [("y", -1.5, ""), ("z", 1000, "")]),
        (b"\n\nOK | a=1", "OK", [("a", 1, "")]),
    ],
)
def test_outputs(output, text, metrics):
    """Text up to the bar, values after it; what no number is, is passed over."""
    seen = parse(output)
    assert text == seen.text
    assert [Metric(*metric) for metric in metrics] == list(seen.metrics)


def test_metrics_are_bounded():
    assert MAX_METRICS == len(parse(b"OK |" + b" ".join(b"m%d=1" % n for n in range(1000))).metrics)
