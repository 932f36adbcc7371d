"""Real loopback servers that say one thing, and `lvsmon probe` in a process of its own."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def answering(*parts: bytes, host: str = "127.0.0.1", first: bool = False) -> Iterator[int]:
    """Listen on a free port; to one client after the other say each of ``parts``, after hearing something.

    With ``first`` the server speaks first. It closes when it has said all, and the client has closed too.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as server:
        threading.Thread(target=_serve, args=(server, parts, first), daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)  # ends the thread's accept


def _serve(server: socket.socket, parts: Sequence[bytes], first: bool) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return  # the test is over
        with client:
            for number, part in enumerate(parts):
                if not (first and number == 0):
                    client.recv(65536)
                client.sendall(part)


def lvsmon(*words: str, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run `lvsmon` as a person does."""
    return subprocess.run(
        [sys.executable, "-m", "lvsmon", *words],
        capture_output=True, text=True, check=False, timeout=30, env={**os.environ, **(env or {})},
    )  # fmt: skip
