"""rpc and nfs against rpcbind and nfs-ganesha: healthy and in their natural failures."""

import pytest

from daemons.rpcworld import RpcWorld, skip_unless_possible
from lvsmon.model import Reason, Verdict
from lvsmon.probes.nfs import NfsProbe
from lvsmon.probes.rpc import RpcProbe

pytestmark = pytest.mark.daemons

BOTH = pytest.mark.parametrize("address", ["127.0.0.1", "::1"])


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    skip_unless_possible()
    with RpcWorld(tmp_path_factory.mktemp("ganesha")) as running:
        running.eventually(RpcProbe(program="portmapper"), 111)
        running.start_ganesha()
        running.eventually(RpcProbe(required=("nfs/3", "nfs/4", "mountd/3", "nlm/4")), 111)
        yield running


def fails(world, probe, port, reason, says, **more):
    outcome = world.probe(probe, port, **more)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason), outcome
    assert says in outcome.detail


@BOTH
def test_everything_registered_answers_and_rpcinfo_counts_as_many(world, address):
    outcome = world.probe(RpcProbe(all=True), 111, address)
    assert Verdict.PASS is outcome.verdict, outcome
    listed = world.space.run("rpcinfo", address).splitlines()[1:]
    networks = ("tcp6", "udp6") if ":" in address else ("tcp", "udp")
    assert outcome.facts["calls"] == sum(line.split()[2] in networks for line in listed) > 10


@BOTH
@pytest.mark.parametrize(
    ("settings", "port"),
    [
        ({"program": "nfs"}, 111),
        ({"program": "nfs", "version": 3, "over": "udp"}, 111),
        ({"program": "mountd", "version": 3, "over": "tcp", "rpcbind_version": 3}, 111),
        ({"program": "mountd", "over": "udp", "rpcbind_version": 4}, 111),
        ({"program": "portmapper", "version": 4, "over": "udp"}, 111),
        ({"all": True, "required": ("nlm", "mountd/1"), "credential": "sys"}, 111),
        ({"program": "nfs"}, 2049),
        ({"program": 100003, "version": 4}, 2049),
        ({"program": "nfs", "version": 3, "over": "udp"}, 2049),
        ({"program": "mountd"}, 20048),
    ],
)
def test_programs_answer(world, settings, port, address):
    outcome = world.probe(RpcProbe(**settings), port, address)
    assert Verdict.PASS is outcome.verdict, outcome


@BOTH
def test_what_is_not_there_is_told(world, address):
    fails(world, RpcProbe(program="ypserv"), 111, Reason.REJECTED, "not registered", address=address)
    fails(world, RpcProbe(program="nfs", version=2), 111, Reason.REJECTED, "nfs version 2 (only 3, 4)", address=address)
    fails(world, RpcProbe(program="nfs", version=2), 2049, Reason.REJECTED, "only 3 to 4", address=address)
    probe = RpcProbe(program="mountd", version=9, over="tcp")
    fails(world, probe, 111, Reason.REJECTED, "version 9 is not served, only 1 to 3", address=address)
    fails(world, RpcProbe(program="mountd"), 2049, Reason.REJECTED, "does not serve program 100005", address=address)
    fails(world, RpcProbe(program="nfs"), 9, Reason.REFUSED, "refused", address=address)


@BOTH
def test_nfs_answers(world, address):
    probe = NfsProbe(
        versions=("3", "4", "4.0", "4.1"), registered=True, mountd=True, exports=("/srv/tree",), lock_manager=True
    )
    outcome = world.probe(probe, 2049, address)
    assert Verdict.PASS is outcome.verdict, outcome
    assert Verdict.PASS is world.probe(NfsProbe(), 2049, address).verdict
    assert Verdict.PASS is world.probe(NfsProbe(versions=("3",), over="udp"), 2049, address).verdict
    assert Verdict.PASS is world.probe(NfsProbe(exports=("/srv/tree",), mountd_port=20048), 2049, address).verdict


@BOTH
def test_what_nfs_lacks_is_told(world, address):
    exported = world.space.run("showmount", "--no-headers", "-e", "127.0.0.1")
    assert exported.split()[0] == "/srv/tree"
    missing = NfsProbe(exports=("/srv/tree", "/srv/other"))
    fails(world, missing, 2049, Reason.EXPECTATION, "not exported: /srv/other; mountd lists /srv/tree", address=address)
    fails(world, NfsProbe(versions=("4.2",)), 2049, Reason.REJECTED, "NFS4ERR_MINOR_VERS_MISMATCH", address=address)
    fails(world, NfsProbe(versions=("2",)), 2049, Reason.REJECTED, "only 3 to 4", address=address)
    fails(world, NfsProbe(status=True), 2049, Reason.REJECTED, "the status monitor: not registered", address=address)
    fails(world, NfsProbe(), 20048, Reason.REJECTED, "does not serve program 100003", address=address)
    fails(world, NfsProbe(), 111, Reason.REJECTED, "does not serve program 100003", address=address)


def test_a_frozen_server_fails_at_the_deadline_and_comes_back(world):
    world.freeze("ganesha")
    try:
        for probe in (NfsProbe(), NfsProbe(versions=("3",), over="udp"), NfsProbe(versions=("4.1",))):
            fails(world, probe, 2049, Reason.DEADLINE, "from 127.0.0.1 port 2049", timeout=0.3)
        fails(world, RpcProbe(all=True), 111, Reason.DEADLINE, "no answer", timeout=0.3)
    finally:
        world.thaw("ganesha")
    world.eventually(NfsProbe(versions=("3", "4.1")), 2049)


def test_registered_but_gone_then_no_portmapper_then_all_is_back(world):
    """What the portmapper lists outlives the program; clients of version 4 do not need the portmapper."""
    world.end("ganesha")
    for over in ("tcp", "udp"):
        gone = NfsProbe(registered=True, over=over)
        fails(world, gone, 2049, Reason.REFUSED, "registered with the portmapper: connection refused")
        listed = RpcProbe(program="nfs", version=3, over=over)
        fails(world, listed, 111, Reason.REFUSED, f"registered at {over} port 2049")
    fails(world, RpcProbe(all=True, ignore=("portmapper",)), 111, Reason.REFUSED, "calls failed: ")
    world.end("rpcbind")
    fails(world, RpcProbe(all=True), 111, Reason.REFUSED, "the portmapper at tcp port 111: connection refused")
    fails(world, RpcProbe(program="nfs", version=3, over="udp"), 111, Reason.REFUSED, "the portmapper at udp port 111")
    world.start_rpcbind()
    world.eventually(RpcProbe(all=True), 111)
    world.start_ganesha()
    world.eventually(NfsProbe(versions=("3", "4"), registered=True, mountd=True), 2049)


def test_a_frozen_portmapper_does_not_matter_to_who_does_not_ask_it(world):
    world.freeze("rpcbind")
    try:
        assert Verdict.PASS is world.probe(NfsProbe(mountd=True, mountd_port=20048), 2049).verdict
        fails(world, NfsProbe(mountd=True), 2049, Reason.DEADLINE, "from 127.0.0.1 port 111", timeout=0.3)
    finally:
        world.thaw("rpcbind")
