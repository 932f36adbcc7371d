"""expect_json: paths into a document, and what is wanted of what they lead to."""

import json
import re
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.errors import ExpectationFailed
from lvsmon.probes.json_path import MAX_SEGMENTS, Every, parse, select
from lvsmon.probes.json_rules import MAX_DEPTH, MEMORY_FACTOR, JsonRule, JsonRules, document_of

DOCUMENT = {
    "status": "UP",
    "count": 7,
    "ratio": 0.5,
    "ready": True,
    "nothing": None,
    "checks": [{"name": "db", "ok": True}, {"name": "queue", "ok": False}],
    "components": {"db.main": {"status": "UP"}, "a b": {"status": "UP"}, 'q"': 1},
    "content-type": "x",
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("status", ["UP"]),
        ("$.status", ["UP"]),
        ("$['status']", ["UP"]),
        ("checks[0].name", ["db"]),
        ("checks[-1].name", ["queue"]),
        ("checks[2].name", []),
        ("checks[-3]", []),
        ("checks[*].ok", [True, False]),
        ('components["db.main"].status', ["UP"]),
        ("components['a b'].status", ["UP"]),
        ('components["q\\""]', [1]),
        ("components.*.status", ["UP", "UP"]),
        ("content-type", ["x"]),
        ("nothing", [None]),
        ("nothing.more", []),
        ("status[0]", []),
        ("checks.name", []),
        ("missing", []),
        ("$", [DOCUMENT]),
    ],
)
def test_a_path_leads_to_its_values(path, found):
    assert found == list(select(DOCUMENT, parse(path)))


@pytest.mark.parametrize(
    "path",
    ["", ".", "$$", "a..b", "a.", "a[", "a[x]", "a[01]", "a[-0x]", "a b", "$a", "a['x", "a[1:2]", "a[?@.x]", "..a"],
)
def test_what_is_no_path_is_refused(path):
    with pytest.raises(ValueError, match="write a path"):
        parse(path)


def test_a_path_is_bounded():
    assert MAX_SEGMENTS == len(parse(".".join(["a"] * MAX_SEGMENTS)))
    with pytest.raises(ValueError, match="write a path"):
        parse(".".join(["a"] * (MAX_SEGMENTS + 1)))


@given(st.text(max_size=20))
def test_any_text_is_a_path_or_none(text):
    try:
        segments = parse(text)
    except ValueError:
        return
    assert all(isinstance(one, str | int | Every) for one in segments)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"equals": "UP"}, None),
        ({"equals": "up"}, 'status is "UP", wanted "up"'),
        ({"path": "count", "equals": 7}, None),
        ({"path": "count", "equals": 7.0}, None),
        ({"path": "count", "equals": "7"}, 'count is 7, wanted "7"'),
        ({"path": "ready", "equals": True}, None),
        ({"path": "ready", "equals": 1}, "ready is true, wanted 1"),
        ({"path": "count", "equals": True}, "count is 7, wanted true"),
        ({"path": "nothing"}, None),
        ({"path": "missing"}, "there is no missing in the JSON"),
        ({"path": "missing", "equals": "x"}, "there is no missing in the JSON"),
        ({"path": "missing", "absent": True}, None),
        ({"path": "nothing", "absent": True}, "there is nothing: null"),
        ({"matches": "^U"}, None),
        ({"matches": "^u"}, 'status does not match: "UP"'),
        ({"path": "count", "matches": "^7$"}, None),
        ({"path": "ready", "matches": "true"}, None),
        ({"path": "count", "at_least": 7, "at_most": 7}, None),
        ({"path": "count", "at_least": 8}, "count is 7, less than 8"),
        ({"path": "ratio", "at_most": 0.25}, "ratio is 0.5, more than 0.25"),
        ({"path": "status", "at_most": 1}, 'status is no number: "UP"'),
        ({"path": "ready", "at_most": 1}, "ready is no number: true"),
        ({"path": "checks[*].ok", "equals": True}, "checks[*].ok is false, wanted true"),
        ({"path": "checks[*].name", "matches": "."}, None),
        ({"path": "checks", "equals": "x"}, "checks is an array of 2, wanted"),
    ],
)
def test_rules(rule, words):
    rules = JsonRules.read([{"path": "status", **rule}])
    body = json.dumps(DOCUMENT).encode()
    if words is None:
        rules.judge(body)
    else:
        with pytest.raises(ExpectationFailed, match=re.escape(words)):
            rules.judge(body)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("status", "write a list of at most 32 tables"),
        (["status"], '[0]: write a table, { … }, not "status"'),
        ([{}], "[0]: write the path"),
        ([{"path": "a..b"}], "[0]: path: write a path such as"),
        ([{"path": 1}], "[0].path: write a string, not 1"),
        ([{"path": "a", "equal": 1}], '[0]: unknown key "equal": there are path, equals'),
        ([{"path": "a"}, {"path": "a", "equals": 1, "absent": True}], "[1]: write only one of equals"),
        ([{"path": "a", "at_least": 2, "at_most": 1}], "[0]: at_least: is more than at_most"),
        ([{"path": "a", "equals": [1]}], "[0].equals: write a string, a number, true or false, not a list"),
        ([{"path": "a", "absent": False}], "[0].absent: write true, or leave it out"),
        ([{"path": "a", "matches": ".*"}], "[0].matches: it matches even the empty text"),
        ([{"path": "a", "at_most": True}], "[0].at_most: write a number"),
        ([{"path": "a"}] * 33, "write a list of at most 32 tables, not 33 of them"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused(written, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        JsonRules.read(written)


def test_what_was_read_is_written_as_it_was():
    written = [{"path": "a", "equals": False}, {"path": "b", "matches": "^x"}, {"path": "c", "absent": True},
               {"path": "d", "at_least": 0, "at_most": 1.5}]  # fmt: skip
    assert written == JsonRules.read(written).write()
    assert JsonRules.read(written) == JsonRules.read(JsonRules.read(written))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>", "the body is not JSON (Expecting value"),
        (b"", "the body is not JSON"),
        (b"{} x", "the body is not JSON (Extra data"),
        (b"NaN", "NaN is no value of JSON"),
        (b"[" * 101 + b"]" * 101, "nested more than 100 deep"),
        (b"[" * 100_000, "nested more than 100 deep"),
        (b"9" * 5000, "the body is not JSON"),
        (b'{"a": "\xff"}', "the body is not JSON"),
    ],
)
def test_what_is_no_json_says_so(body, words):
    with pytest.raises(ExpectationFailed, match=re.escape(words)):
        document_of(body)


def test_json_is_read_as_clients_read_it():
    """With a byte order mark; the last of two equal names counts; brackets in strings are text; to the full depth."""
    assert {"a": 2} == document_of(b'\xef\xbb\xbf{"a": 1, "a": 2}')
    assert ["[" * 200] == document_of(json.dumps(["[" * 200]).encode())
    assert ['"' + "[" * 200] == document_of(json.dumps(['"' + "[" * 200]).encode())
    assert list(select(document_of(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH), parse("[0][0]")))


@given(
    st.binary(max_size=60)
    | st.lists(st.sampled_from([b"[", b"]", b"{", b"}", b'"', b"\\", b"1e999", b",", b"a"])).map(b"".join)
)
def test_any_body_is_json_or_an_expectation_not_met(body):
    try:
        JsonRule("a[*].b", equals=1).judge(document_of(body))
    except ExpectationFailed:
        return


@pytest.mark.parametrize(
    "unit",
    [
        b"{},",
        b"[],",
        b'{"a":0},',
        b'{"\xc4\x80":{}},',
        b'"\xc4\x80",',
        b"1.5,",
        b"[[]],",
        b'{"":' * 90 + b"0" + b"}" * 90 + b",",
    ],
)
def test_memory_for_json_is_what_is_promised(unit):
    body = b"[" + unit * (100_000 // len(unit)) + b"0]"
    tracemalloc.start()
    try:
        document_of(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MEMORY_FACTOR * len(body)
