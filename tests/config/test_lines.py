"""The line scanner agrees with the parser about every key of any TOML text."""

import tomllib

import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from lvsmon.config.lines import lines_of

TRICKY = '''\
# comment with [brackets] and "quotes"
top = 1
"a.b"."c" . d = """first
[not.a.table]
last""" # trailing
literal = \'\'\'
'' x = 2 \'\'\'\'
list = [ # comment ]
  1, "]", [2, 3],
  { x = 1, y.z = "}" },
]
[table."quoted \\u0041"]
key = 1979-05-27 07:32:00
[[many]]
name = "one"
[many.sub]
deep = true
[[many.sub.more]]
n = 1
[[many.sub.more]]
n = 2
[[many]]
name = "two"
[[many.sub.more]]
n = 3
[late.super.table]
x = 1
[late]
y = 2
'''


def paths(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, one in value.items():
            yield from paths(one, (*path, key))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from paths(one, (*path, number))


def test_tricky_lines():
    found = lines_of(TRICKY)
    assert set(paths(tomllib.loads(TRICKY))) == found.keys()
    expected = {
        ("top",): 2,
        ("a.b", "c", "d"): 3,
        ("literal",): 6,
        ("list",): 8,
        ("list", 2, 1): 9,
        ("list", 3, "y", "z"): 10,
        ("table", "quoted A"): 12,
        ("table", "quoted A", "key"): 13,
        ("many", 0, "sub", "deep"): 17,
        ("many", 0, "sub", "more", 1, "n"): 21,
        ("many", 1): 22,
        ("many", 1, "sub", "more", 0, "n"): 25,
        ("late", "super", "table", "x"): 27,
        ("late",): 28,
    }
    assert expected == {path: found[path] for path in expected}


KEYS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=6)
SCALARS = st.one_of(
    st.integers(-(2**31), 2**31),
    st.booleans(),
    st.dates(),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=10),
    st.sampled_from(["]", "}", '"', "'", "'''", '"""', "#", "\\", "a\nb", "[x]", "= 1"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=60)
@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_every_key_has_a_line_that_holds_it(data):
    text = tomlkit.dumps(data)
    lines, found = text.split("\n"), lines_of(text)
    parsed = tomllib.loads(text)
    assert set(paths(parsed)) <= found.keys()
    for path in paths(parsed):
        if path and isinstance(path[-1], str) and path[-1].isascii() and path[-1].isalnum():
            assert path[-1] in lines[found[path] - 1]
