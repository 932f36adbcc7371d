"""The lab's programs, from Debian's packages, unpacked in a folder of their own.

Nothing is installed on the host: no daemon of the lab is ever started there, no mail server of the host is replaced,
and no root is needed. apt resolves against what the host has, so only what the host lacks is fetched; the guest sees
the host's files first and this folder behind them.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PACKAGES: Final = {
    "user-mode-linux": "linux.uml",
    "ipvsadm": "ipvsadm",
    "kmod": "modprobe",
    "iproute2": "ip",
    "iptables": "iptables-legacy",
    "procps": "sysctl",
    "util-linux": "setsid",
    "mount": "mount",
    "login": "login",
    "nginx": "nginx",
    "inetutils-inetd": "inetutils-inetd",
    "inetutils-telnetd": "telnetd",
    "exim4-daemon-light": "exim4",
    "dnsmasq-base": "dnsmasq",
    "rpcbind": "rpcbind",
    "nfs-common": "rpc.statd",
    "nfs-kernel-server": "rpc.mountd",
}
"""Debian package -> a program of it: what tells that the package is there."""

PROGRAM_PATH: Final = ("usr/sbin", "usr/bin", "sbin", "bin")
MERGED: Final = ("bin", "sbin", "lib", "lib64")
"""Debian 12's root has these as links into /usr; packages still carry both spellings."""

TOOLS: Final = ("apt-get", "dpkg-deb", "tar")


class LabUnavailable(Exception):
    """The lab cannot run here; the text says why and what to do about it."""


def cache_folder() -> Path:
    """Return where the programs are kept between runs: one folder per list of packages, shared by all checkouts."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    key = hashlib.sha256(repr(sorted(PACKAGES)).encode()).hexdigest()[:12]
    return base / "lvsmon" / f"kernel-lab-{key}"


def find_program(name: str, folder: Path) -> Path | None:
    """Return where ``name`` is, on the host or in ``folder``, in the order in which the guest looks."""
    for root in (Path("/"), folder):
        for place in PROGRAM_PATH:
            path = root / place / name
            if path.exists() or path.is_symlink():  # an absolute link is right only as the guest sees it
                return path
    return None


def missing(folder: Path) -> list[str]:
    return [package for package, program in PACKAGES.items() if find_program(program, folder) is None]


def ensure(folder: Path) -> None:
    """Fetch and unpack what is missing; return at once, without the network, when nothing is.

    Raise `LabUnavailable` if this is no Debian or the packages cannot be had.
    """
    if not missing(folder):
        return
    for tool in TOOLS:
        if shutil.which(tool) is None:
            raise LabUnavailable(f"{tool} is not here: the lab's kernel and daemons are Debian packages")
    with _locked(folder):
        lacking = missing(folder)
        if lacking:
            print(f"lab: fetching {' '.join(lacking)} into {folder} (nothing is installed)", flush=True)  # noqa: T201
            _fetch(lacking, folder)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(lacking: list[str], folder: Path) -> None:
    work = folder.with_suffix(".new")
    shutil.rmtree(work, ignore_errors=True)
    for part in ("lists/partial", "debs/partial", "root/usr"):
        (work / part).mkdir(parents=True)
    apt = [
        "apt-get", "-q", "-y",
        "-o", f"Dir::State::lists={work}/lists",
        "-o", f"Dir::Cache={work}",
        "-o", f"Dir::Cache::archives={work}/debs",
        "-o", "APT::Sandbox::User=",  # its own user could not write there
        "-o", "Debug::NoLocking=1",  # the host's package state is only read
        "-o", "Acquire::Languages=none",
        "-o", "Acquire::Retries=2",
    ]  # fmt: skip
    _run([*apt, "-o", "APT::Update::Error-Mode=any", "update"])
    _run([*apt, "install", "--download-only", "--no-install-recommends", "--no-upgrade", *lacking])
    for name in MERGED:
        (work / "root/usr" / name).mkdir()
        (work / "root" / name).symlink_to(f"usr/{name}")
    for deb in sorted((work / "debs").glob("*.deb")):
        _unpack(deb, work / "root")
    if folder.exists():  # an earlier fetch, from when the host had more of its own
        _run(["cp", "-a", f"{work}/root/.", str(folder)])  # shutil.copytree fails at links that are there already
    else:
        (work / "root").rename(folder)
    shutil.rmtree(work)
    still = missing(folder)
    if still:
        raise LabUnavailable(f"apt-get gave no program for {', '.join(still)}; remove {folder} and try again")


def _unpack(deb: Path, root: Path) -> None:
    """Unpack without owners and setuid bits: the host must not get a setuid mail server from this."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE) as source:
        subprocess.run(
            ["tar", "-x", "-C", root, "--keep-directory-symlink", "--no-same-owner", "--no-same-permissions"],
            stdin=source.stdout,
            check=True,
            umask=0o022,
        )
    if source.returncode:
        raise LabUnavailable(f"{deb.name} cannot be unpacked (dpkg-deb ended with {source.returncode})")


def _run(command: list[str]) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-8:])
        raise LabUnavailable(f"`{command[0]} … {command[-1]}` failed; is a Debian mirror in reach?\n{tail}")
