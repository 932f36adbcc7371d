"""Patterns of users: they mean what Python's mean, and take linear time whatever text they meet."""

import re
import subprocess
import sys
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lvsmon.model.patterns import Regex
from lvsmon.model.settings import pattern

LETTERS = "aAbB_0 \t\r\n-."
ATOMS = st.one_of(
    st.sampled_from(list("aAbB_0 -\n")),
    st.sampled_from([r"\.", r"\w", r"\W", r"\d", r"\D", r"\s", r"\S", r"\x41", r"\n", ".", r"\b", r"\B", "^", r"\A"]),
    st.sampled_from(
        ["[ab]", "[^a]", r"[^\w\n]", "[A-b]", r"[\s0]", "[^b-]", "(?i:a)", "(?i:[^a])", "(?s:.)", "(?m:^)"]
    ),
    st.sampled_from(["(?m:$)", "(?i:[A-B_])", "(?-i:b)", "é", "[é]"]),
)


def compound(inner):
    return st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("(?:{0[0]}|{0[1]})".format),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "*?", "{0,2}", "{2}", "{1,}?"])).map(
            "(?:{0[0]}){0[1]}".format
        ),
        inner.map("({})".format),
    )


TEXTS = st.text(LETTERS + "é", max_size=12).map(str.encode)


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(["", "(?i)", "(?m)", "(?s)", "(?x)", "(?ims)"]),
    st.recursive(ATOMS, compound, max_leaves=8),
    st.sampled_from(["", "$", r"\Z"]),
    TEXTS,
)
@example("", "^OK", "$", b"OK\n")
@example("", "^OK", "$", b"OK\n\n")
@example("", "^OK", r"\Z", b"OK\n")
@example("(?m)", "^OK", "$", b"no\nOK\r\nno")
@example("", r"\s", "", b"\v")
@example("(?i)", "é", "", "É".encode())
@example("", ".", "", "é".encode())
def test_a_pattern_matches_where_python_says(flags, body, end, text):
    """Python is asked for small texts only: on others it may not come back."""
    written = flags + body + end
    if r"\B" in written and not text:
        return  # until Python 3.14 \B did not match in an empty text
    try:
        found = pattern(written).search(text)
    except ValueError as error:
        assert "nothing can come after $" in str(error)  # noqa: PT017
        return
    theirs = re.search(written.encode(), text)
    assert (found is None) is (theirs is None), (written, text)


@pytest.mark.parametrize("text", [b"a first, a last", bytearray(b"a first, a last")])
def test_a_match_tells_what_and_where(text):
    found = pattern("(f)[a-z]+").search(text)
    assert found is not None
    assert (b"first", 7) == (found[0], found.end())


@pytest.mark.parametrize(
    "evil",
    ["(a+)+$", "(a|a)*$", "(a|aa)+$", "(.*a){20}$", r"^(\w+\s?)*$", "(?:a?){300}(?:a){300}b", "[ab]*a[ab]{900}c"],
)
def test_a_catastrophic_pattern_takes_linear_time(evil):
    """0.2 s is the worst that there can be for 64 KiB; ten times that is for a machine that does other things."""
    compiled = pattern(evil)
    began = time.process_time()
    compiled.search(b"a" * 65535 + b"!")
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("(a", "not a regular expression: missing ), unterminated subpattern at position 0"),
        ("a**", "not a regular expression: multiple repeat at position 2"),
        ("[[a]", "possible nested set at position 1, which may change its meaning: escape it with a backslash"),
        ("a(?=b)", "look-aheads and look-behinds, (?=...) and (?<=...), are not taken"),
        ("(?<!a)b", "look-aheads and look-behinds, (?!...) and (?<!...), are not taken"),
        (r"(a)\1", "back-references, such as \\1 and (?P=name), are not taken"),
        ("(?P<x>a)(?P=x)", "back-references"),
        ("(a)?(?(1)b|c)", "conditions"),
        ("(?>a+)b", "atomic groups"),
        ("a++b", "possessive repetitions"),
        ("(?!)", "such as [^a-z]"),
        ("(?L)a", "(?L) is not taken"),
        ("costs $5", "nothing can come after $"),
        ("a{1001}", "{1001} is more than the 1000 repetitions that can be counted"),
        ("(a{100}){100}", "the regular expression is too large"),
        ("[ab]{1000}", "the regular expression is too large"),
        ("(" * 5000 + ")" * 5000, "not a regular expression"),
        (5, "write a regular expression as a string, not 5"),
    ],
)
def test_what_is_refused_says_what_to_write(written, complaint):
    with pytest.raises(ValueError, match=re.escape(complaint)):
        pattern(written)


def test_patterns_are_equal_by_their_text():
    assert pattern("a") == Regex(b"a") != Regex(b"b")
    assert {pattern("a")} == {Regex(b"a")}
    assert Regex(b"a") != "a"


def test_re2_is_loaded_only_where_there_is_a_pattern():
    """Every `lvsmon check` would pay for it otherwise: 9 ms and 3 MB."""
    script = (
        "import sys; from lvsmon.probes import BUILTIN, load; [load(kind) for kind in BUILTIN]; "
        "assert 're2' not in sys.modules; "
        "from lvsmon.model.settings import pattern; pattern('a'); assert 're2' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
