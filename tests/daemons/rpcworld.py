"""rpcbind and nfs-ganesha in a namespace of their own: they want port 111 and the host's /run, and get neither."""

import asyncio
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from daemons.conftest import eventually, seen
from lvsmon.model import Target
from lvsmon.monitor.runner import run
from lvsmon.net.nested import in_reactor
from namespaces import Namespace

READY_WITHIN = 20.0
PROGRAMS = ("ip", "unshare", "nsenter", "rpcbind", "ganesha.nfsd", "rpcinfo", "showmount")

# /run is the daemons' own too: rpcbind's socket lies there, through which programs register.
INIT = "mount -t tmpfs tmpfs /run && mkdir -p /run/rpcbind /run/ganesha && exec rpcbind -f"

GANESHA = """
NFS_CORE_PARAM {{ NFS_Protocols = 3, 4; MNT_Port = 20048; NLM_Port = 32803; Enable_RQUOTA = false; }}
NFSv4 {{ Minor_Versions = 0, 1; RecoveryBackend = fs; RecoveryRoot = {folder}; Graceless = true; }}
EXPORT {{
    Export_Id = 1; Path = /srv/tree; Pseudo = /srv/tree; Access_Type = RO; Protocols = 3, 4;
    Transports = TCP, UDP; SecType = none, sys; FSAL {{ Name = MEM; }}
}}
"""


def skip_unless_possible():
    """Skip, loudly, where the daemons or the right to make namespaces are missing."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a network namespace for rpcbind: run the tests as root")
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: run `make daemons` as root on a Debian machine")


class RpcWorld:
    """Start and stop daemons, and probe them, all inside the namespace."""

    def __init__(self, folder):
        self.folder = folder
        self.space = Namespace()
        self.running = {}

    def __enter__(self):
        self.space.__enter__()
        self.start_rpcbind()
        return self

    def start_rpcbind(self):
        self.running["rpcbind"] = self.space.start("unshare", "--mount", "sh", "-c", INIT)

    def start_ganesha(self):
        config = self.folder / "ganesha.conf"
        config.write_text(GANESHA.format(folder=self.folder))
        inside = ("nsenter", "--mount", f"--target={self.running['rpcbind'].pid}")
        daemon = ("ganesha.nfsd", "-F", "-f", str(config), "-L", str(self.folder / "log"), "-p", "/run/ganesha.pid")
        self.running["ganesha"] = self.space.start(*inside, *daemon)

    def freeze(self, name):
        """Stop a daemon; return when all its threads stand still."""
        pid = self.running[name].pid
        os.kill(pid, signal.SIGSTOP)
        until = time.monotonic() + READY_WITHIN
        states = set()
        while states != {"T"}:
            assert time.monotonic() < until, states
            stats = (path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat"))
            states = {stat.rpartition(")")[2].split()[0] for stat in stats}

    def thaw(self, name):
        os.kill(self.running[name].pid, signal.SIGCONT)

    def end(self, name):
        self.running[name].kill()
        self.running.pop(name).wait()

    def probe(self, probe, port, address="127.0.0.1", timeout=3.0):
        """Return the outcome of one run, which is noted in the namespace: only there is seen who listens."""

        async def once():
            return await in_reactor(lambda engine: run(probe, Target(address=address, port=port), timeout, engine))

        return self.space.call(lambda: seen(probe, address, port, asyncio.run(once())))

    def eventually(self, probe, port, **more):
        """Return the first PASS, as `daemons.conftest.eventually` does."""
        return eventually(lambda: self.probe(probe, port, **more))

    def __exit__(self, *error):
        for daemon in self.running.values():
            daemon.send_signal(signal.SIGKILL)
            daemon.wait()
        self.space.__exit__(*error)
