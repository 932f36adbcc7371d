"""Durations, sizes, patterns and secrets: what is read, what is refused, what is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.model.settings import (
    Secret,
    duration,
    escaped,
    format_duration,
    format_escaped,
    format_hexadecimal,
    format_pattern,
    format_size,
    hexadecimal,
    pattern,
    shown,
    size,
)


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("2s", 2), ("1.5m", 90), ("1h30m", 5400), ("2d", 172800), ("0s", 0)]
)
def test_durations_carry_units(text, seconds):
    assert seconds == duration(text)


@pytest.mark.parametrize(
    "value", ["2", "", "s", "2 s", "-2s", "2s3", "9" * 400 + "s", "٣s", 2, 2.0, True, None, ["2s"]]
)
def test_a_duration_without_its_unit_is_refused(value):
    with pytest.raises(ValueError, match="write a duration with its unit"):
        duration(value)


@given(st.integers(0, 10**9))
def test_a_shown_duration_reads_back(milliseconds):
    assert duration(format_duration(milliseconds / 1000)) == pytest.approx(milliseconds / 1000)


@pytest.mark.parametrize(("text", "count"), [("512B", 512), ("64 KiB", 65536), ("64kB", 64000), ("1MiB", 1048576)])
def test_sizes_carry_units(text, count):
    assert count == size(text)


@pytest.mark.parametrize("value", ["64", "64K", "-1B", "9" * 5000 + "B", 64, None])
def test_a_size_without_its_unit_is_refused(value):
    with pytest.raises(ValueError, match="write a size with its unit"):
        size(value)


def test_patterns_search_bytes():
    assert pattern("(?i)LOGIN:").search(b"\xffhost login: ")
    with pytest.raises(ValueError, match="not a regular expression: missing"):
        pattern("(")


@pytest.mark.parametrize(
    ("text", "message"), [("a{99999999999}", "repetition number is too large"), ("[[a]", "possible nested set")]
)
def test_patterns_that_python_stumbles_over_are_refused(text, message):
    """The first is no re.error and the second only a warning: neither may get past as anything but a refusal."""
    with pytest.raises(ValueError, match=message):
        pattern(text)


def test_a_secret_is_never_shown():
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"
    assert secret.reveal() == "hunter2"


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("PING\r\n", b"PING\r\n"),
        (r"PING\r\n", b"PING\r\n"),
        (r"\x00\xfF\t\0", b"\0\xff\t\0"),
        (r"a\\r", rb"a\r"),
        ("é", b"\xc3\xa9"),
    ],
)
def test_texts_have_escapes(text, data):
    assert data == escaped(text)


@pytest.mark.parametrize("value", ["\\", r"\q", r"\x0", r"\xzz", 5, None])
def test_an_unknown_escape_is_refused(value):
    with pytest.raises(ValueError, match=r"unknown escape|write a text"):
        escaped(value)


def test_bytes_are_written_in_hexadecimal():
    assert b"\x0a\xff" == hexadecimal("0a ff") == hexadecimal("0AFF")
    for value in ("0", "xy", 10, None):
        with pytest.raises(ValueError, match="pairs of hexadecimal digits"):
            hexadecimal(value)


@given(st.binary(max_size=30))
def test_shown_bytes_read_back(data):
    assert escaped(format_escaped(data)) == data
    assert hexadecimal(format_hexadecimal(data)) == data
    assert not data.isascii() or format_escaped(data).isprintable()


@given(st.integers(0, 10**14))
def test_shown_sizes_read_back(count):
    assert size(format_size(count)) == count


def test_shown_patterns_read_back():
    assert pattern(format_pattern(pattern("^é+$"))) == pattern("^é+$")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (5, "5"),
        (10**30, "a number of more than 20 digits"),
        ('a"b', '"a\\"b"'),
        ("x" * 99, '"' + "x" * 80 + '…"'),
        ("\x1b[2J\u202e\n", '"\\u001b[2J\\u202e\\n"'),
        (["hunter2"], "a list"),
        ({"password": "hunter2"}, "a table"),
    ],
)
def test_values_are_shown_as_they_are_written_and_harmless(value, text):
    assert shown(value) == text
