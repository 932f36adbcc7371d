"""Files: which are read, what is refused about them as files, and that everything wrong is told at once."""

import os
from pathlib import Path

import pytest

from lvsmon.config import load
from lvsmon.config.files import MAX_FILE
from lvsmon.errors import ConfigError

REALSERVER = '[[realserver]]\nname = "rs1"\naddress = "10.1.0.11"\n'


def virtual(name, port=80, rest=""):
    return f'[[virtual]]\nname = "{name}"\nvip = "192.0.2.10"\nport = {port}\nrealservers = ["rs1"]\n{rest}'


def refusal(path):
    with pytest.raises(ConfigError) as caught:
        load(Path(path))
    return str(caught.value)


def test_a_folder_stands_for_the_main_file_in_it(written):
    written(lvsmon=REALSERVER, monitors__d="")
    written(**{"monitors.d__b": virtual("b", 81), "monitors.d__a": virtual("a")})
    assert load(Path()) == load(Path("lvsmon.toml"))
    assert [one.name for one in load(Path()).virtuals] == ["a", "b"]


def test_hidden_and_foreign_files_are_no_drop_ins(written):
    written(lvsmon=REALSERVER + virtual("shop"), **{"monitors.d__.hidden": "no TOML"})
    for name in ("shop.toml~", "shop.toml.dpkg-old", "README", "shop.TOML.bak"):
        Path("monitors.d", name).write_text("no TOML")
    assert [one.name for one in load(Path()).virtuals] == ["shop"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'x = "\xff"\n', "is not UTF-8: save it in that encoding"),
        (b"\xef\xbb\xbfx = 1\n", "begins with a byte order mark: save it as UTF-8 without one"),
    ],
)
def test_files_in_other_encodings_are_refused(written, content, message):
    written()
    Path("lvsmon.toml").write_bytes(content)
    assert refusal("lvsmon.toml") == f"lvsmon.toml:1: {message}"


def test_a_file_beyond_the_bound_is_refused_before_it_is_parsed(written):
    written()
    with Path("lvsmon.toml").open("wb") as file:
        file.truncate(MAX_FILE + 1)
    assert refusal("lvsmon.toml") == "lvsmon.toml: is larger than 16 MiB: this is not a configuration"


@pytest.mark.parametrize("path", ["lvsmon.toml", "nowhere/lvsmon.toml", "."])
def test_a_missing_main_file_is_named(written, path):
    written()
    shown = "lvsmon.toml" if path == "." else path
    assert refusal(path) == f"{shown}: cannot be read: no such file or directory"


def test_an_unreadable_drop_in_is_named_beside_everything_else(written):
    """A folder named like a file stands for what cannot be read, for root may read everything."""
    written(lvsmon=REALSERVER + "[defaults]\nrise = 0\n", **{"monitors.d__b": virtual("b", 99999)})
    Path("monitors.d/a.toml").mkdir()
    assert refusal(".").splitlines() == [
        "lvsmon.toml:5: defaults.rise: write a number of at least 1, not 0",
        "monitors.d/a.toml: cannot be read: is a directory",
        'monitors.d/b.toml:4: virtual "b" port: write a number of at most 65535, not 99999',
    ]


@pytest.mark.parametrize("make", [lambda: None, lambda: Path("monitors.d").mkdir()], ids=["none", "empty"])
def test_a_drop_in_folder_without_virtual_services_is_refused(written, make):
    """A folder that is not mounted must not read as a wish to delete every virtual service."""
    written(lvsmon=REALSERVER)
    make()
    assert refusal(".") == (
        "lvsmon.toml: there is no virtual service: write [[virtual]] here, or in a file named *.toml in monitors.d"
    )


def test_names_and_keys_are_unique_across_files(written):
    written(
        lvsmon=REALSERVER + virtual("shop"),
        **{"monitors.d__a": REALSERVER + virtual("shop", 81), "monitors.d__b": virtual("other")},
    )
    taken = "the name is taken by another {} at lvsmon.toml:{}: write a different one"
    key = "192.0.2.10:80/tcp is the virtual service at lvsmon.toml:4"
    assert refusal(".").splitlines() == [
        f'monitors.d/a.toml:2: realserver "rs1" name: {taken.format("realserver", 1)}',
        f'monitors.d/a.toml:5: virtual "shop" name: {taken.format("virtual service", 4)}',
        f'monitors.d/b.toml:1: virtual "other": {key} already: join them',
    ]


def test_the_director_is_described_in_the_main_file_only(written):
    written(lvsmon=REALSERVER, **{"monitors.d__a": '[director]\nbackend = "memory"\n' + virtual("a")})
    assert refusal(".") == ("monitors.d/a.toml:1: director: write this section in lvsmon.toml: there is one director")


def test_the_message_names_files_as_they_were_typed(written):
    written(lvsmon="", **{"monitors.d__a": "x = 1"})
    here = Path.cwd()
    assert refusal(here).startswith(f"{here}/monitors.d/a.toml:1: x: unknown key")


LOGIN = '[[virtual.probe]]\nkind = "login"\n'


@pytest.fixture
def secret(written):
    """A configuration in ``conf/`` whose password stands in ``conf/word.txt``."""
    written(conf__lvsmon=REALSERVER + virtual("shop", rest=LOGIN + 'password_file = "word.txt"\n'))

    def write(content, mode=0o600):
        path = Path("conf/word.txt")
        path.write_bytes(content)
        path.chmod(mode)

    return write


@pytest.mark.parametrize(
    ("content", "word"), [(b"hunter2", "hunter2"), (b"a b\n", "a b"), (b"x\n\n", "x\n"), (b"y\r\n", "y")]
)
def test_a_secret_file_loses_one_newline_and_nothing_else(secret, content, word):
    secret(content)
    (spec,) = load(Path("conf")).probes.values()
    assert spec.probe.password.reveal() == word


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o601])
def test_a_secret_file_open_to_others_is_refused(secret, mode):
    secret(b"hunter2", mode)
    assert refusal("conf").endswith('the secret file "conf/word.txt" is open to others: chmod 600 it')


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff", "is not UTF-8"),
        (b"x" * 65537, "is larger than 64 KiB: it holds no secret"),
    ],
)
def test_a_file_that_holds_no_secret_is_refused(secret, content, message):
    secret(content)
    assert refusal("conf").endswith(f'the secret file "conf/word.txt" {message}')


def test_a_fifo_for_a_secret_is_refused_and_never_waited_for(secret):
    os.mkfifo("conf/word.txt", 0o600)
    assert refusal("conf").endswith('the secret file "conf/word.txt" is not a regular file')


def test_a_secret_in_place_needs_a_closed_file(written):
    written(lvsmon=REALSERVER + virtual("shop", rest=LOGIN + 'password = "hunter2"\n'))
    Path("lvsmon.toml").chmod(0o600)
    (spec,) = load(Path()).probes.values()
    assert spec.probe.password.reveal() == "hunter2"
    assert "hunter2" not in repr(load(Path()))


def test_a_secret_from_the_environment(written, monkeypatch):
    written(lvsmon=REALSERVER + virtual("shop", rest=LOGIN + 'password_env = "LVSMON_TEST_SECRET"\n'))
    monkeypatch.setenv("LVSMON_TEST_SECRET", "hunter2\n")
    (spec,) = load(Path()).probes.values()
    assert spec.probe.password.reveal() == "hunter2\n"
