"""python -m workers.tries USER: gives up its privileges as a worker does, then tries what no worker may do.

Prints one JSON document: what is not in force, who it is, and what came of each try.
"""

import asyncio
import ctypes
import errno
import json
import os
import resource
import socket
import ssl
import sys
import threading

from lvsmon.monitor.workers.confine import confine

_libc = ctypes.CDLL(None, use_errno=True)


def call(number, *arguments):
    ctypes.set_errno(0)
    if _libc.syscall(number, *(ctypes.c_long(each) for each in arguments)) < 0:
        raise OSError(ctypes.get_errno(), "")


def thread():
    one = threading.Thread(target=int)
    one.start()
    one.join()


def own_descriptor():
    """Read what is only in memory by its path, as OpenSSL does with a client's key."""
    with open(os.memfd_create("x"), "wb") as file, open(f"/proc/self/fd/{file.fileno()}", "rb"):  # noqa: PTH123
        pass


FORBIDDEN = {
    "execve": lambda: os.execv("/bin/true", ["true"]),  # noqa: S606
    "spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "fork": os.fork,
    "vfork": lambda: call(58),
    "new namespaces": lambda: call(56, 0x10000000 | 17, 0, 0, 0, 0),  # clone(CLONE_NEWUSER | SIGCHLD)
    "ptrace": lambda: call(101, 16, os.getppid(), 0, 0),
    "mount": lambda: call(165, 0, 0, 0, 0, 0),
    "bpf": lambda: call(321, 0, 0, 0),
    "setns": lambda: call(308, 0, 0),
    "unshare": lambda: call(272, 0x10000000),
    "io_uring": lambda: call(425, 1, 0),
    "kill": lambda: os.kill(os.getppid(), 0),
    "pidfd": lambda: os.pidfd_open(os.getppid()),
    "setuid": lambda: os.setuid(0),
    "others' limits": lambda: resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1)),
    "memory of others": lambda: os.close(os.open(f"/proc/{os.getppid()}/mem", os.O_RDWR)),
    "chmod": lambda: os.chmod("/proc/self/mem", 0o700),  # noqa: PTH101
    "rename": lambda: os.rename("/nothing", "/nowhere"),  # noqa: PTH104
    "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC),
    "packet": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "raw": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_ICMP),
    "raw 6": lambda: socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6),
    "unix": lambda: socket.socket(socket.AF_UNIX),
    "vsock": lambda: socket.socket(socket.AF_VSOCK),
    "alg": lambda: socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET),
    "mark": lambda: socket.socket().setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 1),
    "low port": lambda: socket.socket().bind(("127.0.0.1", 1)),
    "more files": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (100_000, 100_000)),
}
ALLOWED = {
    "tcp": lambda: socket.socket().close(),
    "tcp 6": lambda: socket.socket(socket.AF_INET6).close(),
    "udp": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close(),
    "pair": lambda: [each.close() for each in socket.socketpair()],
    "thread": thread,
    "loop": lambda: asyncio.run(asyncio.sleep(0)),
    "listen": lambda: socket.create_server(("127.0.0.1", 0)).close(),
    "resolve": lambda: socket.getaddrinfo("127.0.0.1", 80),
    "memory file": lambda: os.close(os.memfd_create("x")),
    "own descriptors": own_descriptor,
    "tls": ssl.create_default_context,
}


def tried(what):
    try:
        what()
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    except ValueError:
        return "ValueError"
    return "done"


def main(user):
    missing = confine(user or None, 100)
    status = dict(line.rstrip("\n").split(":\t", 1) for line in open("/proc/self/status") if ":\t" in line)  # noqa: SIM115, PTH123
    report = {
        "missing": missing,
        "ids": [*os.getresuid(), *os.getresgid(), *os.getgroups()],
        "status": {name: status[name] for name in status if name.startswith(("Cap", "NoNew", "Seccomp"))},
        "forbidden": {name: tried(each) for name, each in FORBIDDEN.items()},
        "allowed": {name: tried(each) for name, each in ALLOWED.items()},
    }
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1])
