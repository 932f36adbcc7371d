"""nfs and rpc on the kernel's own NFS server: nfsd, lockd, mountd, statd, rpcbind; healthy, then gone one by one."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from kernel.lab.cases import only_nat
from kernel.lab.spaces import run as run_program
from kernel.lab.waiting import until
from lvsmon.model import Reason, Target, Verdict
from lvsmon.monitor.runner import run
from lvsmon.net.nested import in_reactor
from lvsmon.probes.nfs import NfsProbe
from lvsmon.probes.ping import PingProbe
from lvsmon.probes.rpc import RpcProbe

# The daemons find each other through files: only one realserver can have them, for /run is the guest's.
# nfsd is threads of the kernel: they belong to the namespace that rpc.nfsd is run in and listen there.
SERVER = """
set -e
# Users that the packages would have made.
grep -q ^_rpc: /etc/passwd || echo _rpc:x:60111:65534::/run/rpcbind:/usr/sbin/nologin >>/etc/passwd
grep -q ^statd: /etc/passwd || echo statd:x:60112:65534::/var/lib/nfs:/usr/sbin/nologin >>/etc/passwd
mkdir -p /run/rpcbind /run/rpc_pipefs
mount -t tmpfs state /var/lib/nfs
mkdir -p /var/lib/nfs/sm /var/lib/nfs/sm.bak /var/lib/nfs/v4recovery /var/lib/nfs/nfsdcltrack
touch /var/lib/nfs/etab /var/lib/nfs/rmtab /var/lib/nfs/state
mount -t tmpfs tree /srv
mkdir /srv/tree
rpcbind -f & echo $! > {folder}/rpcbind
until rpcinfo -T tcp 127.0.0.1 portmapper; do sleep 0.1; done
mount -t nfsd nfsd /proc/fs/nfsd
exportfs -i -o ro,fsid=1,no_subtree_check '*:/srv/tree'
rpc.statd --foreground --no-notify & echo $! > {folder}/statd
rpc.mountd --foreground --port 20048 & echo $! > {folder}/mountd
rpc.nfsd --no-nfs-version 4.2 --udp 2
wait
"""


class NfsServer:
    """The kernel's NFS server on one realserver, probed from the director."""

    def __init__(self, network):
        self.director, self.server = network.director, network.realservers[0]

    def start(self):
        run_program("modprobe", "nfsd")
        script = SERVER.format(folder=self.server.folder)
        log = self.server.folder / "nfs.log"
        self.process = self.server.start("unshare", "--mount", "sh", "-c", script, log=log)
        whole = RpcProbe(required=("nfs/3", "nfs/4", "mountd/3", "status", "nlm/4"))
        seen = until("the server is up", lambda: self.probe(whole, 111), lambda seen: seen.facts or self.over(), 20)
        assert Verdict.PASS is seen.verdict, (seen, log.read_text())

    def over(self):
        """Whether the script has given up."""
        return self.process.poll() is not None

    def probe(self, probe, port=2049, address=None, timeout=5.0):
        async def once():
            target = Target(address=address or self.server.rip, port=port)
            return await in_reactor(lambda engine: run(probe, target, timeout, engine))

        return self.director.inside(lambda: asyncio.run(once()))

    def freeze(self, daemon):
        """Stop a daemon; return when it stands still."""
        pid = int((self.server.folder / daemon).read_text())
        os.kill(pid, signal.SIGSTOP)
        stat = Path(f"/proc/{pid}/stat")
        until(f"{daemon} stands still", lambda: stat.read_text().rpartition(")")[2].split()[0], "T".__eq__, 10)

    def kill(self, daemon, port):
        """End a daemon at once; return when its port is closed."""
        os.kill(int((self.server.folder / daemon).read_text()), signal.SIGKILL)
        until(f"{daemon} is gone", self.server.listening, lambda ports: port not in ports, 10)

    def stop_nfsd(self):
        """End the kernel's threads; nfsd then closes its sockets and takes its name from the list."""
        script = "mount -t nfsd nfsd /proc/fs/nfsd && echo 0 > /proc/fs/nfsd/threads"
        self.server.run("unshare", "--mount", "sh", "-c", script)

    def fails(self, probe, reason, says, **more):
        outcome = self.probe(probe, **more)
        assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason), outcome
        assert says in outcome.detail


@pytest.fixture
def nfs(network):
    server = NfsServer(network)
    server.start()
    return server


@only_nat
def test_the_kernels_nfs_server(network, nfs):
    """Healthy over both families, then one thing after another goes: each is told, and no other probe is misled."""
    for address in (nfs.server.rip, nfs.server.rip6):
        whole = NfsProbe(
            versions=("3", "4", "4.0", "4.1"), registered=True, exports=("/srv/tree",), lock_manager=True, status=True
        )
        for probe, port in (
            (whole, 2049),
            (NfsProbe(), 2049),
            (NfsProbe(over="udp", versions=("3",)), 2049),
            (RpcProbe(), 111),
            (RpcProbe(program="nfs", version=3, over="udp"), 111),
            (RpcProbe(program="nfs"), 2049),
            (RpcProbe(program="mountd"), 20048),
            (PingProbe(warn_loss=1, spacing=0.05), 0),
        ):
            outcome = nfs.probe(probe, port, address)
            assert Verdict.PASS is outcome.verdict, (address, probe, outcome)
        nfs.fails(NfsProbe(versions=("4.2",)), Reason.REJECTED, "NFS4ERR_MINOR_VERS_MISMATCH", address=address)
        nfs.fails(NfsProbe(versions=("2",)), Reason.REJECTED, "version 2 is not served", address=address)
        nfs.fails(NfsProbe(exports=("/srv",)), Reason.EXPECTATION, "mountd lists /srv/tree", address=address)
        nfs.fails(RpcProbe(program="ypserv"), Reason.REJECTED, "not registered", port=111, address=address)

    nfs.freeze("mountd")
    nfs.fails(NfsProbe(mountd=True), Reason.DEADLINE, "port 20048", timeout=1.0)
    assert Verdict.PASS is nfs.probe(NfsProbe(versions=("3", "4.1"), registered=True)).verdict
    nfs.kill("mountd", 20048)
    nfs.fails(NfsProbe(exports=("/srv/tree",)), Reason.REFUSED, "mountd at tcp port 20048")
    nfs.fails(RpcProbe(), Reason.REFUSED, "6 of 25 calls failed: mountd version 1, registered at", port=111)

    nfs.stop_nfsd()
    nfs.fails(NfsProbe(versions=("3",)), Reason.REFUSED, "NFS version 3 at tcp port 2049")
    nfs.fails(NfsProbe(versions=("3",), over="udp"), Reason.REFUSED, "NFS version 3 at udp port 2049")
    nfs.fails(NfsProbe(registered=True), Reason.REJECTED, "not registered")
    # A server that crashes does not take its name from the list: put it back as it would be.
    register = "import socket,struct;s=socket.create_connection(('127.0.0.1',111))\n"
    call = "struct.pack('>14I',1,0,2,100000,2,1,0,0,0,0,100003,3,6,2049)"
    nfs.server.run("python3", "-c", f"{register}m={call};s.sendall(struct.pack('>I',1<<31|len(m))+m);s.recv(64)")
    nfs.fails(NfsProbe(registered=True), Reason.REFUSED, "registered with the portmapper: connection refused")
    nfs.fails(RpcProbe(program="nfs", version=3, over="tcp"), Reason.REFUSED, "registered at tcp port 2049", port=111)

    nfs.server.cut()
    for probe in (NfsProbe(), NfsProbe(versions=("3",), over="udp"), PingProbe(wait=0.2)):
        outcome = nfs.probe(probe, timeout=1.0)
        assert Verdict.FAIL is outcome.verdict, outcome
