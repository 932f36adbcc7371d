"""What a worker may do when it has given up its privileges, tried in a process of its own on this kernel."""

import json
import os
import platform
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from workers.tries import FORBIDDEN

PATHS = os.pathsep.join(
    path for path in [*sys.path, str(Path(__file__).parents[1])] if path and not path.startswith(sys.base_prefix)
)
"""Where lvsmon and what it needs are; each Python knows its own library."""


def tries(user, python=sys.executable):
    done = subprocess.run(
        [python, "-P", "-m", "workers.tries", user],
        capture_output=True, text=True, check=True, timeout=50,
        env={"PYTHONPATH": PATHS, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    return json.loads(done.stdout)


def assert_confined(found):
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert found["status"][name] == "0000000000000000"
    assert (found["status"]["NoNewPrivs"], found["status"]["Seccomp"]) == ("1", "2")
    assert dict.fromkeys(found["allowed"], "done") == found["allowed"]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers of the calls are of x86-64")
def test_a_worker_may_open_connections_and_nothing_that_leads_out():
    found = tries("")
    assert found["missing"] == []
    assert_confined(found)
    refused = {name: came for name, came in found["forbidden"].items() if came not in ("EPERM", "EACCES", "ValueError")}
    assert refused == {}, "these were not refused"
    assert found["forbidden"].keys() == FORBIDDEN.keys()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")
def test_root_becomes_the_user_where_that_one_may_read_python_and_says_so_where_not(tmp_path):
    nobody = pwd.getpwnam("nobody")
    pythons = [sys.executable, *(each for each in ("/usr/bin/python3",) if _is_like_ours(each))]
    for python in pythons:
        found = tries("nobody", python)
        assert_confined(found)
        if found["missing"]:
            assert found["ids"][:3] == [0, 0, 0]
            assert "who may not read" in found["missing"][0]
        else:
            assert found["ids"] == [nobody.pw_uid] * 3 + [nobody.pw_gid] * 3
            assert found["status"]["CapBnd"] == "0000000000000000"


def test_a_user_who_is_not_there_is_told():
    found = tries("nosuchuser")
    assert found["missing"] == ["worker_user: there is no user nosuchuser"]
    assert_confined(found)


def _is_like_ours(python):
    """Whether that is a Python of the same version: what is installed beside ours loads in it."""
    try:
        said = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.split()[1]
    except (OSError, subprocess.CalledProcessError):
        return False
    return said.split(".")[:2] == platform.python_version().split(".")[:2]
