"""Any bytes in any split give the same events or the same ProtocolViolation, and nothing else: for every codec."""

import importlib
import inspect
import pkgutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lvsmon.wire
from fuzz.targets import CORPUS, TARGETS, LineCodec, corpus
from lvsmon.testing.split_feeding import VIOLATION, assert_invariant, transcript

CUTS = st.lists(st.integers(0, 400), max_size=4)
CASES = [(name, make) for name, target in TARGETS.items() for make in target.makes]
SMALL = 1500
"""Bytes up to which every place is tried for a cut."""


def _soup(words):
    """Bytes made of a protocol's own words, in any order, with any bytes between: deep inputs come up often."""
    return st.lists(st.one_of(st.sampled_from(words), st.binary(max_size=6)), max_size=24).map(b"".join)


def _hold(name, make, data, cuts):
    target = TARGETS[name]
    events = assert_invariant(target.makes[make], data, cuts, target.merge)
    target.holds(events)
    return events


@pytest.mark.parametrize(("name", "make"), CASES)
def test_the_corpus(name, make):
    """What was once worth keeping comes first: in two at places spread over it, byte by byte, and whole."""
    for data in corpus(name).values():
        step = max(1, len(data) // 40)
        _hold(name, make, data, range(1, min(len(data), SMALL), step))


@pytest.mark.parametrize("name", TARGETS)
def test_what_the_corpus_calls_good_is_taken_and_what_it_calls_refused_is_not(name):
    for file, data in corpus(name).items():
        refusals = {VIOLATION in transcript(make(), [data]) for make in TARGETS[name].makes.values()}
        wanted = {"good": False in refusals, "refused": True in refusals, "found": True}
        assert wanted[file.split("-")[0]], f"{name}/{file}: its name says otherwise"


@pytest.mark.parametrize(("name", "make"), CASES)
def test_any_bytes(name, make):
    @settings(max_examples=60)
    @given(_soup(TARGETS[name].words), CUTS)
    def hold(data, cuts):
        _hold(name, make, data, cuts)

    hold()


def test_every_codec_has_a_corpus_of_good_and_bad():
    assert set(TARGETS) == {path.name for path in CORPUS.iterdir()}
    for name, target in TARGETS.items():
        files = list(corpus(name))
        assert any(file.startswith("good") for file in files), name
        assert not target.must or any(file.startswith("refused") for file in files), name


def test_every_reader_is_a_target():
    """A codec that nobody fuzzes is found by its shape; one with a strategy of its own may have a test file instead."""
    readers = {
        one
        for module in pkgutil.iter_modules(lvsmon.wire.__path__, "lvsmon.wire.")
        for one in vars(importlib.import_module(module.name)).values()
        if inspect.isclass(one) and hasattr(one, "feed") and hasattr(one, "next_event")
    }
    made = {base for name, make in CASES for base in type(TARGETS[name].makes[make]()).__mro__}
    others = "".join(file.read_text() for file in CORPUS.parent.glob("test_*codec*.py"))
    left = [one.__name__ for one in readers - made if one.__name__ not in others]
    assert not left, f"put {sorted(left)} into tests/fuzz/targets.py"


def test_the_invariant_notices_a_codec_that_depends_on_the_split():
    """The suite itself can fail: a codec that gives what it was fed, as it was fed, is caught."""

    class Naive(LineCodec):
        def next_event(self):
            return self.take(99) or None

    with pytest.raises(AssertionError, match="whole it gives"):
        assert_invariant(Naive, b"ab")
