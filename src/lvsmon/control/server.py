"""The daemon's end of the control socket: many clients, each with one request, none of them trusted.

Whoever is slow, silent, huge, malformed or without rights gets a sentence that says so and is hung up on. Nothing here
ends the daemon: a socket that cannot be opened is complained of and tried again.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from lvsmon.config.plan import ControlSettings
from lvsmon.control.access import Access, Peer, Rules
from lvsmon.control.listening import Listener
from lvsmon.control.office import Office
from lvsmon.control.protocol import Code, Failure, Progress, Reply, Request, RequestReader, Result, encode_reply
from lvsmon.control.verb import Asked, Verb
from lvsmon.control.verbs import VERBS, find
from lvsmon.errors import ControlRefused, ControlUnusable, LvsmonError
from lvsmon.logs import event

_log: Final = logging.getLogger(__name__)

READ_TIME: Final = 5.0
"""Seconds in which a request must be there: it is one line, written at once."""

WRITE_TIME: Final = 30.0
"""Seconds in which a line of an answer must be taken: the longest is some megabytes."""

MAX_CLIENTS: Final = 64
MAX_OF_ONE: Final = 16
"""Connections at once, of all and of one user. Root and the daemon's own user have as many again for themselves, so
that nobody can lock them out."""

LOOK: Final = 5.0
"""Seconds until the socket's file is looked after again."""

MAX_LOGGED: Final = 20
LOGGED_WITHIN: Final = 60.0
"""Refusals that are logged one by one, within so many seconds."""

_CHUNK: Final = 16 * 1024


class ControlServer:
    """Answers what comes over the socket that ``settings`` names, until `run` is cancelled."""

    def __init__(self, office: Office, settings: ControlSettings) -> None:
        self._office = office
        self._settings = settings
        self._rules = Rules()
        self._changed = asyncio.Event()
        self._clients: set[asyncio.Task[None]] = set()
        self._seats = _Seats()
        self._refusals = _Refusals()
        self._said: tuple[str, ...] = ()

    def configure(self, settings: ControlSettings) -> None:
        """Go on with ``settings``; who is connected stays so."""
        self._settings = settings
        self._changed.set()

    async def run(self) -> None:
        """Listen, and listen anew where the file is gone; only cancelling ends it."""
        listener: Listener | None = None
        server: asyncio.Server | None = None
        settings: ControlSettings | None = None
        try:
            while True:
                self._changed.clear()
                if listener is not None and (settings != self._settings or not listener.in_place()):
                    _end(server, listener)
                    listener = server = None
                if listener is None:
                    settings = self._settings
                    listener = await asyncio.get_running_loop().run_in_executor(None, self._open, settings)
                    if listener is not None:
                        server = await asyncio.start_unix_server(self._accept, sock=listener.socket)
                try:
                    async with asyncio.timeout(LOOK):
                        await self._changed.wait()
                except TimeoutError:
                    continue
        finally:
            _end(server, listener)
            await self._send_home()

    def _open(self, settings: ControlSettings) -> Listener | None:
        """Return a listener, or None after a complaint; runs in a thread, for groups may be looked up elsewhere."""
        rules = Rules.of(settings)
        try:
            listener = Listener.open(settings.socket, rules)
        except ControlUnusable as error:
            self._say((str(error),))
            return None
        self._rules = rules
        self._say((*rules.notes, *listener.notes))
        event(_log, logging.INFO, "control_listening", socket=settings.socket)
        return listener

    def _say(self, notes: tuple[str, ...]) -> None:
        """Log each note once, not at every attempt."""
        for note in notes:
            if note not in self._said:
                event(_log, logging.WARNING, "control_trouble", what=note)
        self._said = notes

    async def _send_home(self) -> None:
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._clients.add(client)
        client.add_done_callback(self._clients.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(high=0)  # so that drain() waits until all is taken
        try:
            peer = Peer.of(writer.get_extra_info("socket"))
            with self._seats.taken(peer):
                await self._converse(peer, reader, writer)
        except ControlRefused as error:  # no seat
            writer.write(encode_reply(Failure(error.code, str(error))))  # it fits into any socket's buffer
            writer.close()
        except (_Gone, OSError):
            writer.transport.abort()
        except BaseException:
            writer.transport.abort()
            raise
        else:
            writer.close()

    async def _converse(self, peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def send(reply: Reply) -> None:
            writer.write(encode_reply(reply))
            try:
                async with asyncio.timeout(WRITE_TIME):
                    await writer.drain()
                    await asyncio.sleep(0)  # a long answer to a quick client lets others run in between
            except (TimeoutError, OSError):
                raise _Gone from None

        try:
            request = await _request(reader)
            if request is not None:
                await send(Result(await self._answer(request, peer, lambda body: send(Progress(body)))))
        except ControlRefused as error:
            self._refusals.log(error, peer)
            await send(Failure(error.code, str(error), error.lines))
        except asyncio.CancelledError:
            writer.write(encode_reply(Failure(Code.STOPPING, "the daemon is stopping; the table stays as it is")))
            raise

    async def _answer(self, request: Request, peer: Peer, progress: Callable[[Any], Any]) -> Any:
        verb = find(request.verb)
        if verb is None:
            known = ", ".join(sorted(VERBS))
            raise ControlRefused(
                Code.UNKNOWN_VERB, f"the running daemon (lvsmon {_version()}) knows no {request.verb}: there is {known}"
            )
        self._admit(peer, verb, request.verb)
        arguments = verb.read(request.arguments)
        if verb.access is Access.WRITE:
            event(_log, logging.INFO, "control", verb=request.verb, peer=peer, arguments=dict(request.arguments))
        try:
            return await verb.answer(Asked(arguments, self._office, peer, progress))
        except (ControlRefused, _Gone):
            raise
        except LvsmonError as error:
            raise ControlRefused(Code.REFUSED, str(error)) from error
        except Exception as error:
            _log.exception("a bug in verb %s", request.verb)
            raise ControlRefused(
                Code.BUG, "a bug in lvsmon, not in what you asked: the log has the traceback"
            ) from error

    def _admit(self, peer: Peer, verb: Verb[Any], name: str) -> None:
        if self._rules.allow(peer, verb.access):
            return
        group = self._settings.write_group
        if verb.access is Access.READ:
            group = self._settings.read_group or group
        who = "root and the daemon's own user" + (f" and members of group {group}" if group else "")
        raise ControlRefused(
            Code.FORBIDDEN, f"{name} needs the right to {verb.access}, which {who} have; you are uid {peer.uid}"
        )


async def _request(reader: asyncio.StreamReader) -> Request | None:
    """Return the request, None if the other side hangs up without any."""
    codec = RequestReader()
    try:
        async with asyncio.timeout(READ_TIME):
            while (request := codec.next_event()) is None:
                data = await reader.read(_CHUNK)
                if not data:
                    codec.feed_eof()
                    return codec.next_event()
                codec.feed(data)
            return request
    except TimeoutError:
        raise ControlRefused(Code.TOO_SLOW, f"a request must be there within {READ_TIME:g} s") from None


class _Gone(Exception):
    """The client takes nothing more: there is nobody to tell."""


class _Refusals:
    """Logs refusals; of a flood of them only the beginning, so that nobody can push everything else out of a log."""

    def __init__(self) -> None:
        self._until = 0.0
        self._count = 0

    def log(self, error: ControlRefused, peer: Peer) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._until:
            if self._count > MAX_LOGGED:
                event(_log, logging.WARNING, "control_refused", unlogged=self._count - MAX_LOGGED)
            self._until, self._count = now + LOGGED_WITHIN, 0
        self._count += 1
        if self._count <= MAX_LOGGED:
            event(_log, logging.INFO, "control_refused", code=error.code, peer=peer, what=error)


class _Seats:
    """How many connections each user has."""

    def __init__(self) -> None:
        self._of: Counter[tuple[bool, int]] = Counter()

    @contextmanager
    def taken(self, peer: Peer) -> Iterator[None]:
        """Give ``peer`` a seat for the time of a ``with`` block; raise ControlRefused if there is none."""
        mine = peer.own, peer.uid
        others = sum(count for (own, _), count in self._of.items() if own == peer.own)
        if others >= MAX_CLIENTS or (not peer.own and self._of[mine] >= MAX_OF_ONE):
            raise ControlRefused(Code.BUSY, "too many connections at once: try again in a moment")
        self._of[mine] += 1
        try:
            yield
        finally:
            self._of[mine] -= 1
            if not self._of[mine]:
                del self._of[mine]


def _end(server: asyncio.Server | None, listener: Listener | None) -> None:
    if server is not None:
        server.close()
    if listener is not None:
        listener.close()


def _version() -> str:
    import lvsmon  # noqa: PLC0415  looked up when somebody asks

    return str(lvsmon.__version__)
