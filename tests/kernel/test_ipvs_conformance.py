"""Both ways to the kernel against a real one, with ipvsadm as the witness. Flushes the IPVS table of its namespace."""

import asyncio
import os
import re
import subprocess
import threading
from pathlib import Path

import pytest

from lvsmon.actions.ipvs.base import AddDestination, AddVirtual, EditDestination, EditVirtual
from lvsmon.actions.ipvs.netlink import NetlinkIpvs
from lvsmon.actions.ipvs.notation import ipvsadm
from lvsmon.actions.ipvs.open import open_ipvs
from lvsmon.model import DestinationSettings, VirtualSettings
from lvsmon.testing.ipvs_conformance import DESTINATIONS, RS1, VIRTUALS, WEB, IpvsConformance, everything

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(
        os.environ.get("LVSMON_LAB") != "1", reason="LVSMON_LAB is not 1: these tests flush the kernel's IPVS table"
    ),
]

_BACKENDS = ["netlink", "pyroute2"]


def _ipvsadm(*words):
    return subprocess.run(["ipvsadm", *words], check=True, capture_output=True, text=True).stdout


def _witnessed():
    """What ipvsadm sees, line by line; ``--tun-type ipip`` is what nobody types."""
    return {line.strip().replace(" --tun-type ipip", "") for line in _ipvsadm("-Sn").splitlines() if line.strip()}


def _typed(commands):
    """Our notation of ``commands`` as ``ipvsadm -Sn`` prints entries; it leaves thresholds out."""
    return {re.sub(r" -[xy] \d+", "", ipvsadm(command)).removeprefix("ipvsadm ") for command in commands}


@pytest.fixture(params=_BACKENDS)
def ipvs(request):
    _ipvsadm("-C")
    opened = open_ipvs(request.param)
    yield opened
    opened.close()
    _ipvsadm("-C")


class TestKernel(IpvsConformance):
    """The suite, over the fixture above."""


def test_ipvsadm_sees_what_we_wrote_in_our_own_notation(ipvs):
    assert ipvs.apply(everything()) == [None] * len(everything())
    assert _witnessed() == _typed(everything())
    assert re.search(r"10\.1\.0\.12:443 +100 +80 ", _ipvsadm("-Ln", "--thresholds"))


def test_ipvsadm_makes_what_we_mean_from_our_notation(ipvs):
    """Every command line that a dry run prints does, typed, what lvsmon would have done."""
    for command in everything():
        _ipvsadm(*ipvsadm(command).split()[1:])
    table = ipvs.dump()
    assert {key: entry.settings for key, entry in table.items()} == VIRTUALS
    found = {(key, to): at.settings for key, entry in table.items() for to, at in entry.destinations.items()}
    assert found == {(virtual, to): settings for virtual, to, settings in DESTINATIONS}
    _ipvsadm(*ipvsadm(EditVirtual(WEB, VirtualSettings(scheduler="rr"))).split()[1:])
    _ipvsadm(*ipvsadm(EditDestination(WEB, RS1, DestinationSettings(weight=9))).split()[1:])
    entry = ipvs.get(WEB)
    assert (entry.settings.scheduler, entry.destinations[RS1].settings.weight) == ("rr", 9)


def test_it_works_from_threads_and_under_a_running_loop(ipvs):
    """Made in one thread, called from a pool's and from a coroutine: pyroute2's objects alone do not bear that."""
    ipvs.apply([AddVirtual(WEB, VirtualSettings()), AddDestination(WEB, RS1, DestinationSettings())])

    async def calls():
        seen = [await asyncio.to_thread(ipvs.get, WEB) for _ in range(5)]
        return [*seen, ipvs.get(WEB)]

    assert all(RS1 in entry.destinations for entry in asyncio.run(calls()))
    found = []
    for _ in range(3):
        thread = threading.Thread(target=lambda: found.append(set(ipvs.dump())))
        thread.start()
        thread.join()
    assert found == [{WEB}] * 3


def test_no_descriptor_is_left_behind(ipvs):
    ipvs.dump()
    ipvs.close()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        ipvs.dump()
        ipvs.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_lost_answers_are_said_and_the_next_call_works():
    """An overflow of the receive queue costs the socket, not the table: what is in doubt is reported."""
    import errno
    import socket

    from lvsmon.actions.ipvs import netlink

    _ipvsadm("-C")

    def narrow():
        sock = netlink.open_socket()
        sock.setsockopt(socket.SOL_SOCKET, 33, 4096)
        return sock

    ipvs = NetlinkIpvs(narrow)
    add = AddVirtual(WEB, VirtualSettings())
    errors = ipvs.apply([add] * 200)
    assert {error.errno for error in errors if error} <= {errno.EEXIST, errno.ENOBUFS}
    assert errno.ENOBUFS in {error.errno for error in errors if error}
    assert set(ipvs.dump()) == {WEB}
    ipvs.close()
    _ipvsadm("-C")


@pytest.mark.parametrize("backend", _BACKENDS)
def test_without_the_capability_it_says_which_one_to_grant(backend):
    """A child without CAP_NET_ADMIN is told what to grant; root or not does not matter."""
    import sys

    script = (
        "from lvsmon.actions.ipvs.open import open_ipvs\n"
        "from lvsmon.errors import IpvsUnavailable\n"
        f"ipvs = open_ipvs({backend!r})\n"
        "for call in (ipvs.info, ipvs.dump):\n"
        "    try:\n"
        "        call()\n"
        "    except IpvsUnavailable as error:\n"
        "        print(error.errno, error)\n"
    )
    dropped = ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"]
    done = subprocess.run([*dropped, sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert [line[:46] for line in done.stdout.splitlines()] == ["1 no permission to use IPVS: the capability CA"] * 2
    assert done.stderr == ""
