"""CPU of one HTTP exchange by our codec and by h11: a request, and its answer of ten headers and 1,000 bytes.

    python benchmarks/http_codec.py

Prints the least of several rounds of each, which take turns, in microseconds of this process's own CPU.
"""

import time

import h11

from lvsmon.wire.http1 import End, ResponseReader, request

ROUNDS = 7
EXCHANGES = 2000
SENT = [("Host", "x"), ("User-Agent", "lvsmon"), ("Accept", "*/*"), ("Connection", "close")]
ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Type: text/html\r\n"
    b"Content-Length: 1000\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\nConnection: close\r\n"
    b'ETag: "65-3e8"\r\nAccept-Ranges: bytes\r\nVary: *\r\nAge: 0\r\n\r\n' + b"x" * 1000
)


def ours():
    request("GET", "/", "1.1", SENT)
    reader = ResponseReader("GET")
    reader.feed(ANSWER)
    while not isinstance(reader.next_event(), End):
        pass


def by_h11():
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=SENT))
    connection.send(h11.EndOfMessage())
    connection.receive_data(ANSWER)
    while not isinstance(connection.next_event(), h11.EndOfMessage):
        pass


def measure(exchange):
    before = time.process_time()
    for _ in range(EXCHANGES):
        exchange()
    return (time.process_time() - before) / EXCHANGES * 1e6


def main():
    rounds = [(measure(ours), measure(by_h11)) for _ in range(ROUNDS)]
    mine, theirs = min(each[0] for each in rounds), min(each[1] for each in rounds)
    print(f"ours {mine:.1f} us, h11 {theirs:.1f} us, ratio {theirs / mine:.1f}")


if __name__ == "__main__":
    main()
