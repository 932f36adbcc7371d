"""Who may ask what, by the credentials that the kernel vouches for."""

import os
import socket
from pathlib import Path

import pytest

from lvsmon.config.plan import ControlSettings
from lvsmon.control.access import Access, Peer, Rules

READERS, WRITERS = 5001, 5002
GIDS = {"readers": READERS, "writers": WRITERS}


def rules(read=None, write=None):
    return Rules.of(ControlSettings(socket=Path("x"), read_group=read, write_group=write), GIDS.__getitem__)


def somebody(*groups):
    return Peer(pid=1, uid=4242, groups=frozenset({4242, *groups}))


@pytest.mark.parametrize(
    ("groups", "may"),
    [((), set()), ((READERS,), {Access.READ}), ((WRITERS,), {Access.READ, Access.WRITE}), ((0,), set())],
)
def test_each_group_may_do_what_is_its_own(groups, may):
    """To write includes to read; the group of root is none of these."""
    found = rules("readers", "writers")
    assert {access for access in Access if found.allow(somebody(*groups), access)} == may


@pytest.mark.parametrize("uid", [0, os.geteuid()])
def test_root_and_the_daemons_own_user_may_all(uid):
    assert all(rules().allow(Peer(1, uid, frozenset()), access) for access in Access)


def test_without_groups_nobody_else_may_anything():
    assert not any(rules().allow(somebody(READERS, WRITERS), access) for access in Access)


def test_an_absent_group_gives_nobody_a_right_and_is_told():
    found = rules("readers", "ghosts")
    assert found.notes == ("write_group: there is no group ghosts here: nobody has its rights",)
    assert not found.allow(somebody(WRITERS), Access.WRITE)
    assert found.file == (0o660, READERS)


@pytest.mark.parametrize(
    ("read", "write", "file"),
    [
        (None, None, (0o600, None)),
        ("readers", None, (0o660, READERS)),
        (None, "writers", (0o660, WRITERS)),
        ("writers", "writers", (0o660, WRITERS)),
        ("readers", "writers", (0o666, None)),
    ],
)
def test_the_file_is_no_wider_than_who_may_ask(read, write, file):
    """A file has one group: where there are two, the credentials alone decide."""
    assert file == rules(read, write).file


def test_the_credentials_are_those_of_the_process_that_connected():
    """Every group of it counts, not only the first."""
    here, there = socket.socketpair(socket.AF_UNIX)
    with here, there:
        found = Peer.of(here)
    assert (found.pid, found.uid) == (os.getpid(), os.geteuid())
    assert found.groups == {os.getegid(), *os.getgroups()}
