"""FTP servers that say the right words and go wrong with their data connections."""

import asyncio
import itertools
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

Say = Callable[[bytes], Awaitable[None]]
Listing = Callable[["Data", Say], Awaitable[None]]

ENTRY: Final = b"-rw-r--r-- 1 ftp ftp 7 Jan 01 2026 README\r\n"
_RESET: Final = struct.pack("ii", 1, 0)
_BEGUN: Final = b"150 here it comes\r\n"
_DONE: Final = b"226 done\r\n"


class Data:
    """The data connection to be, in either mode."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._came: asyncio.Future[StreamWriter] = asyncio.get_running_loop().create_future()
        self._to: tuple[str, int] | None = None
        self._opened: StreamWriter | None = None

    async def offer(self, address: str) -> int:
        """Listen for the client and return the port."""

        def came(_: StreamReader, writer: StreamWriter) -> None:
            if not self._came.done():
                self._came.set_result(writer)

        self._server = await asyncio.start_server(came, address, 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def aim(self, address: str, port: int) -> None:
        """Connect there when it is asked for."""
        self._to = address, port

    @property
    def active(self) -> bool:
        return self._to is not None

    async def open(self, source: str | None = None) -> StreamWriter:
        if self._to is not None:
            local = None if source is None else (source, 0)
            _, self._opened = await asyncio.open_connection(*self._to, local_addr=local)
        else:
            self._opened = await self._came
        return self._opened

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
        if self._server is not None:
            self._server.close()


async def whole(data: Data, say: Say) -> None:
    """As it should be."""
    writer = await data.open()
    await say(_BEGUN)
    writer.write(ENTRY)
    data.close()
    await say(_DONE)


async def _all_said_before_the_data(data: Data, say: Say) -> None:
    writer = await data.open()
    await say(_BEGUN + _DONE)
    await asyncio.sleep(0.02)
    writer.write(ENTRY)
    data.close()


async def _all_said_before_it_connects(data: Data, say: Say) -> None:
    await say(b"200 wait\r\n" + _BEGUN + b"250 done\r\n")
    await asyncio.sleep(0.02)
    writer = await data.open()
    writer.write(ENTRY)
    data.close()


def _after_an_entry(*words: bytes, reset: bool = False, close: bool = True) -> Listing:
    """Send an entry, close or reset the data connection, and say ``words`` (none: hang)."""

    async def listing(data: Data, say: Say) -> None:
        writer = await data.open()
        await say(_BEGUN)
        writer.write(ENTRY)
        await writer.drain()
        if reset:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        if close:
            data.close()
        for word in words:
            await say(word)
        if not words:
            await asyncio.sleep(3600)

    return listing


async def _endless(data: Data, say: Say) -> None:
    writer = await data.open()
    await say(_BEGUN)
    for _ in itertools.count():
        writer.write(ENTRY * 500)
        await writer.drain()
        await asyncio.sleep(0)


async def _endless_line(data: Data, say: Say) -> None:
    writer = await data.open()
    await say(_BEGUN)
    for _ in itertools.count():
        writer.write(b"x" * 32768)
        await writer.drain()
        await asyncio.sleep(0)


async def _drip(data: Data, say: Say) -> None:
    writer = await data.open()
    await say(_BEGUN + _DONE)
    for _ in range(60):
        writer.write(b"-")
        await asyncio.sleep(1)


async def _never_opened(data: Data, say: Say) -> None:  # noqa: ARG001
    await say(_BEGUN)
    await asyncio.sleep(3600)


async def _said_to_be_done_but_never_opened(data: Data, say: Say) -> None:
    if not data.active:
        await whole(data, say)
        return
    await say(_BEGUN + _DONE)
    await asyncio.sleep(3600)


async def _from_elsewhere(data: Data, say: Say) -> None:
    """In active mode, from another address; over IPv6, where loopback has one only, not at all."""
    if not data.active:
        await whole(data, say)
        return
    writer = await data.open("127.0.0.2")
    await say(_BEGUN)
    writer.write(ENTRY)
    data.close()
    await say(_DONE)


def _floods(word: bytes) -> Listing:
    async def listing(data: Data, say: Say) -> None:
        await data.open()
        for _ in itertools.count():
            await say(word * 500)
            await asyncio.sleep(0)

    return listing


def _answers(word: bytes) -> Listing:
    async def listing(data: Data, say: Say) -> None:  # noqa: ARG001
        await say(word)

    return listing


async def _hangs_up(data: Data, say: Say) -> None:
    await data.open()
    await say(_BEGUN)
    raise ConnectionAbortedError


LISTINGS: Final[Mapping[str, Listing]] = {
    "ftp_whole": whole,
    "ftp_226_before_the_data": _all_said_before_the_data,
    "ftp_250_before_it_connects": _all_said_before_it_connects,
    "ftp_426_after_the_data": _after_an_entry(b"426 broken off\r\n"),
    "ftp_421_after_the_data": _after_an_entry(b"421 too long\r\n"),
    "ftp_200_after_the_data": _after_an_entry(b"200 fine\r\n"),
    "ftp_silent_after_the_data": _after_an_entry(),
    "ftp_data_reset": _after_an_entry(_DONE, reset=True),
    "ftp_data_never_closed": _after_an_entry(_DONE, b"", close=False),
    "ftp_data_drips": _drip,
    "ftp_endless_listing": _endless,
    "ftp_entry_without_end": _endless_line,
    "ftp_data_never_opened": _never_opened,
    "ftp_226_though_never_opened": _said_to_be_done_but_never_opened,
    "ftp_data_from_elsewhere": _from_elsewhere,
    "ftp_hangs_up_with_the_data": _hangs_up,
    "ftp_425": _answers(b"425 cannot connect\r\n"),
    "ftp_226_without_data": _answers(_DONE),
    "ftp_150_for_ever": _floods(_BEGUN),
    "ftp_endless_reply_to_list": _floods(b"150-here\r\n"),
}
"""What is done for LIST, NLST, MLSD and RETR."""

PASSES: Final = frozenset({"ftp_whole", "ftp_226_before_the_data", "ftp_250_before_it_connects"})


def serve(listing: Listing) -> Callable[[StreamReader, StreamWriter], Awaitable[None]]:
    """Return the handler of a server that lets anybody in and does ``listing`` for what is asked."""

    async def conversation(reader: StreamReader, writer: StreamWriter) -> None:
        async def say(word: bytes) -> None:
            writer.write(word)
            await writer.drain()

        address, data = writer.get_extra_info("sockname")[0], Data()
        await say(b"220-220 Welcome\r\n 220 all\r\n220 ready\r\n")
        try:
            while line := (await reader.readline()).decode("utf-8", "replace"):
                verb, _, argument = line.strip().partition(" ")
                if verb in {"PASV", "EPSV", "PORT", "EPRT"}:
                    data.close()
                    data = Data()
                await say(await _answer(verb, argument, address, data))
                if verb in {"LIST", "NLST", "MLSD", "RETR"}:
                    await listing(data, say)
        finally:
            data.close()

    return conversation


async def _answer(verb: str, argument: str, address: str, data: Data) -> bytes:
    if verb == "PASV" and ":" not in address:
        port = await data.offer(address)
        return b"227 go to (%b,%d,%d)\r\n" % (address.replace(".", ",").encode(), port >> 8, port & 255)
    if verb == "EPSV":
        return b"229 go to (|||%d|)\r\n" % await data.offer(address)
    if verb == "PORT":
        numbers = argument.split(",")
        data.aim(".".join(numbers[:4]), int(numbers[4]) * 256 + int(numbers[5]))
    elif verb == "EPRT":
        _, _, host, port_text, _ = argument.split("|")
        data.aim(host, int(port_text))
    elif verb in {"LIST", "NLST", "MLSD", "RETR"}:
        return b""
    known = {"USER": b"331 and", "PASS": b"230 in", "QUIT": b"221 bye", "CWD": b"250 there"}
    return known.get(verb, b"200 good" if verb in {"TYPE", "PORT", "EPRT"} else b"500 what") + b"\r\n"
