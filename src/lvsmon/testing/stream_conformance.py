"""What every `Connector` and `Stream` must do: one suite, run over the scripted network and over real sockets.

A world plays the peers' scripts and runs a conversation against them:

    @pytest.mark.parametrize("check", CHECKS)
    def test_conformance(check):
        check(ScriptedWorld())
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, Protocol

from lvsmon.errors import ConnectFailed
from lvsmon.model import Certificate, Reason
from lvsmon.net.base import Connector, Stream
from lvsmon.net.tls.values import Stapled, TlsProfile, TlsSession
from lvsmon.testing.network import (
    Close,
    DeadlinePassed,
    Expect,
    Hang,
    Reset,
    Script,
    ScriptedConnector,
    Secure,
    Send,
    Staple,
    UntilEnd,
    play,
)

Conversation = Callable[[Connector, str, int], Awaitable[None]]

_ANY: Final = TlsProfile(verify=False)
_SESSION: Final = TlsSession(
    version="TLSv1.3",
    cipher="TLS_AES_256_GCM_SHA384",
    certificate=Certificate(names=("www.example.org",), not_before=0, not_after=1e10),
    at=1e9,
)
"""What a script's handshake comes to; a world of real sockets shows any certificate for www.example.org."""


class World(Protocol):
    """Runs ``talk`` against peers that follow ``scripts``, one per connection (none: nothing listens).

    Raise `DeadlinePassed` where the conversation still waits after a time that the world finds long.
    """

    def run(self, talk: Conversation, *scripts: Script) -> None: ...


class ScriptedWorld:
    """The scripted network, on virtual time."""

    def run(self, talk: Conversation, *scripts: Script) -> None:
        async def whole() -> None:
            await talk(connector, "192.0.2.1", 7)

        refused = ConnectFailed("connection refused", Reason.REFUSED)
        connector = ScriptedConnector(*scripts or (refused,))
        play(whole(), timeout=60)


async def read_all(stream: Stream, limit: int = 65536) -> bytes:
    """Read to the end of the stream."""
    whole = bytearray()
    while data := await stream.read(limit):
        assert len(data) <= limit
        whole += data
    return bytes(whole)


async def _fails(call: Awaitable[object], reason: Reason) -> None:
    try:
        await call
    except ConnectFailed as error:
        assert error.reason is reason
    else:
        raise AssertionError(f"expected ConnectFailed with reason {reason}")


def reads_to_the_end(world: World) -> None:
    """All that the peer sent arrives in order, then b"" for ever."""

    async def talk(net: Connector, address: str, port: int) -> None:
        stream = await net.connect(address, port)
        assert await read_all(stream) == b"one two three"
        assert await stream.read() == b""

    world.run(talk, Script(Send(b"one ", 1), Send(b"two three"), Close()))


def keeps_to_the_limit_of_a_read(world: World) -> None:
    """A read gives no more than it was asked for and loses nothing."""

    async def talk(net: Connector, address: str, port: int) -> None:
        stream = await net.connect(address, port)
        assert await stream.read(1) == b"a"
        assert await read_all(stream, 3) == b"bcdefgh"

    world.run(talk, Script(Send(b"abcdefgh"), Close()))


def answers_what_was_written(world: World) -> None:
    """What is written arrives whole; the peer's next words follow."""

    async def talk(net: Connector, address: str, port: int) -> None:
        stream = await net.connect(address, port)
        await stream.write(b"pi")
        await stream.write(b"ng")
        assert await stream.read() == b"pong"

    world.run(talk, Script(Expect(b"ping"), Send(b"pong"), Hang()))


def writes_more_than_a_buffer_holds(world: World) -> None:
    """A write returns when the kernel has all of it, however small its buffer is."""
    much = bytes(range(256)) * 32768  # 8 MiB

    async def talk(net: Connector, address: str, port: int) -> None:
        stream = await net.connect(address, port)
        await stream.write(much)
        assert await stream.read() == b"thanks"

    world.run(talk, Script(Expect(much), Send(b"thanks"), Close()))


def tells_a_refused_connection(world: World) -> None:
    """Nothing listens: `ConnectFailed` with reason refused."""

    async def talk(net: Connector, address: str, port: int) -> None:
        await _fails(net.connect(address, port), Reason.REFUSED)

    world.run(talk)


def tells_a_reset(world: World) -> None:
    """A reset is an error of reading, and of writing after it; never the end of the stream."""

    async def talk(net: Connector, address: str, port: int) -> None:
        stream = await net.connect(address, port)
        await stream.write(b"x")
        await _fails(stream.read(), Reason.RESET)
        await _fails(stream.write(b"x"), Reason.RESET)

    world.run(talk, Script(Expect(b"x"), Reset()))


def waits_while_the_peer_is_silent(world: World) -> None:
    """A read neither returns nor fails while the peer says nothing."""

    async def talk(net: Connector, address: str, port: int) -> None:
        stream = await net.connect(address, port)
        await stream.read()

    try:
        world.run(talk, Script(Hang()))
    except DeadlinePassed:
        return
    raise AssertionError("the read came back though the peer was silent")


def closes_as_often_as_one_likes(world: World) -> None:
    """Close and abort, in any order and number, do nothing to what is closed."""

    async def talk(net: Connector, address: str, port: int) -> None:
        for first, second in (("close", "close"), ("close", "abort"), ("abort", "close"), ("abort", "abort")):
            stream = await net.connect(address, port)
            getattr(stream, first)()
            getattr(stream, second)()

    world.run(talk, *(Script(Hang()) for _ in range(4)))


def hears_more_after_it_has_finished(world: World) -> None:
    """After `finish` the peer sees the end, and what it still says arrives; in clear text and in TLS."""

    async def talk(net: Connector, address: str, port: int) -> None:
        for secured in (False, True):
            stream = await net.connect(address, port)
            if secured:
                await stream.start_tls(_ANY)
            await stream.write(b"hello")
            await stream.finish()
            assert await read_all(stream) == b"bye"

    words = (Expect(b"hello"), UntilEnd(), Send(b"bye"), Close())
    world.run(talk, Script(*words), Script(Secure(_SESSION), *words))


def starts_tls_in_the_middle(world: World) -> None:
    """What was said before stays clear text, what is said afterwards is carried by TLS."""

    async def talk(net: Connector, address: str, port: int) -> None:
        stream = await net.connect(address, port)
        assert await stream.read() == b"ready?"
        await stream.write(b"STARTTLS")
        session = await stream.start_tls(_ANY, "www.example.org")
        assert session.version.startswith("TLSv1.")
        assert session.certificate is not None
        assert "www.example.org" in session.certificate.names
        await stream.write(b"ping")
        assert await stream.read(2) == b"po"
        assert await read_all(stream) == b"ng"
        stream.close()
        stream.close()

    tls = (Secure(_SESSION), Expect(b"ping"), Send(b"pong"), Close())
    world.run(talk, Script(Send(b"ready?"), Expect(b"STARTTLS"), *tls))


def resumes_the_session_of_another_stream(world: World) -> None:
    """A session that the peer has given on one connection is good for the next, as FTP servers demand."""

    async def talk(net: Connector, address: str, port: int) -> None:
        first = await net.connect(address, port)
        assert not (await first.start_tls(_ANY, "www.example.org")).resumed
        assert await first.read() == b"ready"  # under TLS 1.3 the session comes with what is said
        second = await net.connect(address, port)
        session = await second.start_tls(_ANY, "www.example.org", resume=first)
        assert session.resumed
        assert session.certificate is not None
        assert await read_all(second) == b"data"

    again = (Secure(replace(_SESSION, resumed=True)), Send(b"data"), Close())
    world.run(talk, Script(Secure(_SESSION), Send(b"ready")), Script(*again))


def asks_for_a_staple(world: World) -> None:
    """What the peer shows is returned; most have no staple to show."""

    async def talk(net: Connector, address: str, port: int) -> None:
        stream = await net.connect(address, port)
        stapled = await stream.see_staple(_ANY, "www.example.org")
        assert stapled.staple is None
        assert stapled.certificate
        stream.close()

    world.run(talk, Script(Staple(Stapled(staple=None, certificate=b"DER", others=())), Hang()))


def tells_its_own_address(world: World) -> None:
    """Of the family that was connected to, with a port of its own."""

    async def talk(net: Connector, address: str, port: int) -> None:
        stream = await net.connect(address, port)
        host, own = stream.local
        assert (":" in host, own != port, 0 < own < 65536) == (":" in address, True, True)

    world.run(talk, Script(Hang()))


def pauses(world: World) -> None:
    """A pause ends."""

    async def talk(net: Connector, address: str, port: int) -> None:  # noqa: ARG001
        await net.pause(0.001)

    world.run(talk)


CHECKS: Final[tuple[Callable[[World], None], ...]] = (
    reads_to_the_end,
    keeps_to_the_limit_of_a_read,
    answers_what_was_written,
    writes_more_than_a_buffer_holds,
    tells_a_refused_connection,
    tells_a_reset,
    waits_while_the_peer_is_silent,
    closes_as_often_as_one_likes,
    hears_more_after_it_has_finished,
    starts_tls_in_the_middle,
    resumes_the_session_of_another_stream,
    asks_for_a_staple,
    tells_its_own_address,
    pauses,
)
"""Every check, to be run in every world."""
