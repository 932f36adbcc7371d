"""Raw text from outside is harmless once escaped, and is laid out by the cells it takes."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lvsmon.text import cells, cut, escape, pad, wrap


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain text | with = signs", "plain text | with = signs"),
        ("two\r\nlines\t", "two\\r\\nlines\\t"),
        ("\x1b[2J\x1b]0;owned\x07", "\\x1b[2J\\x1b]0;owned\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("\x7f\x00", "\\x7f\\x00"),
        ("a\u202eb\u2066c\u200fd", "a\\u202eb\\u2066c\\u200fd"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028separator", "line\\u2028separator"),
        ("\udcff", "\\udcff"),
        ("\U000e0041tag", "\\U000e0041tag"),
        ("C:\\path \\x1b as text", "C:\\path \\x1b as text"),
        ("Straße 東京", "Straße 東京"),
    ],
)
def test_escape(raw: str, shown: str) -> None:
    """Controls, escape sequences, direction marks and invisible characters are written out; the rest is left alone."""
    assert escape(raw) == shown


def test_a_tower_of_combining_marks_is_taken_down() -> None:
    """Two marks on a character are language, forty are an attack on the lines above."""
    assert escape("e\u0301\u0302") == "e\u0301\u0302"
    assert escape("e" + "\u0301" * 40).count("\u0301") == 2


@given(st.text())
def test_escaped_text_is_one_printable_line(raw: str) -> None:
    """Whatever goes in, what comes out has no control, no format character, no line end, and is stable."""
    shown = escape(raw)
    assert all(unicodedata.category(each) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for each in shown)
    assert len(shown.splitlines()) <= 1
    assert escape(shown) == shown


@given(st.text().map(escape), st.integers(2, 60))
@example("🎠0", 2)
def test_layout_keeps_to_its_cells(text: str, width: int) -> None:
    """No wrapped or cut line is wider than asked, and wrapping loses nothing but spaces between lines."""
    lines = wrap(text, width)
    assert all(cells(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert cells(cut(text, width)) <= width
    assert cells(pad(cut(text, width), width)) == width


def test_wrap_breaks_between_words() -> None:
    """Words stay whole where they fit; one that does not is broken."""
    assert wrap("the quick brown fox", 10) == ["the quick", "brown fox"]
    assert wrap("abcdefghijkl mn", 5) == ["abcde", "fghij", "kl mn"]
    assert wrap("", 10) == [""]
