"""A worker that a realserver has taken over: python -m workers.hostile MODE."""

import json
import socket
import sys
import time

from lvsmon.monitor.workers import saying
from lvsmon.monitor.workers.frames import framed


def news(probe):
    state = ["UP", 1, 0, 0, 0, None, None, 0, 0]
    told = {"probe": probe, "state": state, "before": None, "dialogue": []}
    return framed(json.dumps({"say": "news", "news": [told]}).encode())


def main(mode):
    way = socket.socket(fileno=3)
    ready = framed(saying.ready([]))
    if mode == "hurry":
        way.sendall(news("x"))
    elif mode == "noise":
        way.sendall(ready + framed(b"\xff" * 100))
    elif mode == "foreign":
        way.sendall(ready + news("a probe of somebody else"))
    elif mode == "long":
        way.sendall(ready + b"\xff\xff\xff\xff")
    elif mode == "flood":
        way.sendall(ready)
        while True:
            way.sendall(framed(saying.log(10, "x", {"a": "x" * 8000})))
    elif mode == "programs":
        way.sendall(ready)
        asking = socket.socket(fileno=4)
        _ours, theirs = socket.socketpair()
        request = json.dumps({"identity": "x", "argv": ["/bin/true"], "environment": {"LVSMON_TIMEOUT": "1"}})
        while True:
            socket.send_fds(asking, [request.encode()], [theirs.fileno()])
    elif mode == "crash":
        raise SystemExit("a realserver made me do it \x1b[31m")
    time.sleep(3600)


if __name__ == "__main__":
    main(sys.argv[1])
