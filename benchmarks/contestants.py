"""Who is measured: how each is told to probe ``count`` loopback realservers once per ``interval`` seconds."""

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

HERE = Path(__file__).resolve().parent
PER_VIRTUAL = 100


class Missing(Exception):
    """A contestant cannot take part here; says why."""


def address(number):
    """Loopback addresses, so that thousands of targets do not share one pair of addresses and run out of ports."""
    return f"127.1.{number // 250}.{number % 250 + 1}"


def _virtuals(count):
    """Yield (VIP, numbers of its realservers)."""
    for number, first in enumerate(range(0, count, PER_VIRTUAL)):
        yield f"192.0.{2 + number // 250}.{number % 250 + 1}", range(first, min(first + PER_VIRTUAL, count))


def _compiled(source, directory, *options):
    compiler = shutil.which("cc")
    if compiler is None:
        raise Missing("no C compiler (cc)")
    target = directory / f"{source}.built"
    if not target.exists():
        subprocess.run([compiler, "-O2", "-o", target, HERE / source, *options], check=True)
    return target


class Lvsmon:
    """The whole daemon as a user runs it: health, state file, history, log, control socket; the table in memory."""

    name = "lvsmon"
    environment = None

    def prepare(self, directory, kind, count, port, interval=1.0):
        hostname = 'hostname = "www.example.org"\n' if kind == "http" else ""
        main = (
            f'[director]\nbackend = "memory"\nstate_directory = "{directory}/state"\n'
            f'[control]\nsocket = "{directory}/control.sock"\n'
            f'[defaults]\ninterval = "{interval:g}s"\ntimeout = "{min(interval, 1.0):g}s"\n'
        )
        lines = [main]
        lines += [f'[[realserver]]\nname = "rs{each}"\naddress = "{address(each)}"\n' for each in range(count)]
        for vip, numbers in _virtuals(count):
            names = ", ".join(f'"rs{each}"' for each in numbers)
            lines.append(
                f'[[virtual]]\nname = "v{vip}"\nvip = "{vip}"\nport = {port}\n{hostname}realservers = [{names}]\n'
                f'[[virtual.probe]]\nkind = "{kind}"\n'
            )
        path = directory / "lvsmon.toml"
        path.write_text("".join(lines))
        return [sys.executable, "-m", "lvsmon", "daemon", "--config", str(path)]


class Floor:
    """floor.c: connects and closes, nothing else."""

    name = "C floor"
    environment = None

    def prepare(self, directory, kind, count, port):
        return [str(_compiled("floor.c", directory.parent)), kind, str(count), str(port)]


class Keepalived:
    """Debian's keepalived, checkers only; no_ipvs.c takes the place of the kernel's table."""

    def __init__(self, *, lingers):
        self.name = "keepalived" if lingers else "keepalived, no linger"
        self.environment = {} if lingers else {"NO_LINGER": "1"}

    def prepare(self, directory, kind, count, port):
        program = _found("keepalived")
        stub = _compiled("no_ipvs.c", directory.parent, "-shared", "-fPIC", "-ldl")
        self.environment["LD_PRELOAD"] = str(stub)
        check = (
            "TCP_CHECK {\nconnect_timeout 1\n}"
            if kind == "tcp"
            else "HTTP_GET {\nurl {\npath /\nstatus_code 200\nvirtualhost www.example.org\n}\nconnect_timeout 1\n}"
        )
        lines = ["global_defs {\n}\n"]
        for vip, numbers in _virtuals(count):
            lines.append(f"virtual_server {vip} {port} {{\ndelay_loop 1\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n")
            lines += [f"real_server {address(each)} {port} {{\nweight 1\n{check}\n}}\n" for each in numbers]
            lines.append("}\n")
        path = directory / "keepalived.conf"
        path.write_text("".join(lines))
        return [
            program, "--check", "--dont-fork", "--log-console",
            "-f", str(path), "-p", str(directory / "pid"), "-c", str(directory / "checkers.pid"),
        ]  # fmt: skip


class Ldirectord:
    """Debian's ldirectord in a mount namespace of its own, in which ipvsadm is /bin/true."""

    name = "ldirectord"
    environment = None

    def prepare(self, directory, kind, count, port):
        program, ipvsadm = _found("ldirectord"), _found("ipvsadm")
        if os.geteuid() != 0:
            raise Missing("ldirectord runs as root only")
        service = "simpletcp\nchecktype=connect" if kind == "tcp" else "http\nchecktype=negotiate"
        lines = ["checktimeout=1\nchecktimeout=1\ncheckinterval=1\nautoreload=no\nquiescent=yes\n"]
        for vip, numbers in _virtuals(count):
            lines.append(f"virtual={vip}:{port}\n")
            lines += [f"\treal={address(each)}:{port} masq\n" for each in numbers]
            options = service.replace("\n", "\n\t")
            lines.append(f'\tservice={options}\n\tprotocol=tcp\n\trequest="/"\n')
            lines.append('\treceive="x"\n\tvirtualhost="www.example.org"\n' if kind == "http" else "")
        path = directory / "ldirectord.cf"
        path.write_text("".join(lines))
        script = f"mount --bind /bin/true {ipvsadm} && exec {program} -d {path} start"
        return ["unshare", "--mount", "sh", "-c", script]


def _found(program):
    path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if path is None:
        raise Missing(f"{program} is not installed")
    return path


def versions():
    """Return what takes part here, as their own words say."""
    ours = [sys.executable, "-m", "lvsmon", "--version"]
    said = {"lvsmon": subprocess.run(ours, capture_output=True, text=True, check=True).stdout.rpartition(" ")[2]}
    for program in ("keepalived", "ldirectord"):
        with suppress(Missing):
            done = subprocess.run([_found(program), "--version"], capture_output=True, text=True, check=False)
            said[program] = next((line for line in (done.stderr + done.stdout).splitlines() if line.strip()), "")
    return {name: text.strip() for name, text in said.items()}
