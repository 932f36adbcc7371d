"""The realservers of the bench: one process that answers on every loopback address, and counts.

    python responder.py tcp|http COUNTER [SECONDS]

Prints its port. COUNTER is a file that holds, as one native 64-bit number, how many connections were served: counted
here, whoever is measured cannot count better than it probes. It looks every millisecond and is woken by nobody: a
realserver is another machine, so the monitor must not be charged for waking it. An answer (http) is given after
SECONDS.
"""

import mmap
import select
import socket
import struct
import sys
import time
from collections import deque
from pathlib import Path

BODY = b"x" * 1000
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n" + BODY
PAUSE = 0.001
COUNT = struct.Struct("=Q")


def serve(kind, counter, delay):
    """Accept until a signal comes: close at once (tcp), or answer one request (http)."""
    listener = socket.create_server(("", 0), backlog=4096)
    listener.setblocking(False)
    print(listener.getsockname()[1], flush=True)
    poll, talking, waiting, served = select.epoll(), {}, deque(), 0
    while True:
        time.sleep(PAUSE)
        try:
            while True:
                connection, _ = listener.accept()
                if kind == "tcp":
                    connection.close()
                    served += 1
                else:
                    connection.setblocking(False)
                    talking[connection.fileno()] = connection
                    poll.register(connection.fileno(), select.EPOLLIN)
        except BlockingIOError:
            pass
        for fd, _ in poll.poll(0):
            poll.unregister(fd)
            waiting.append((time.monotonic() + delay, talking.pop(fd)))
        while waiting and waiting[0][0] <= time.monotonic():
            _, connection = waiting.popleft()
            try:
                if connection.recv(4096):
                    connection.sendall(ANSWER)
                    served += 1
            except ConnectionError:
                pass  # who does not wait for the answer is not served
            connection.close()
        COUNT.pack_into(counter, 0, served)


def main():
    kind, path, *delay = sys.argv[1:]
    Path(path).write_bytes(bytes(COUNT.size))
    with Path(path).open("r+b") as file:
        serve(kind, mmap.mmap(file.fileno(), COUNT.size), *map(float, delay or ["0"]))


if __name__ == "__main__":
    main()
