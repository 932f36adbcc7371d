"""ssh: a server that says its version and proves its host key, which all realservers must share (RFC 4253)."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Literal

from lvsmon.errors import (
    ConnectFailed,
    ExpectationFailed,
    LocalFault,
    PeerClosed,
    ProtocolViolation,
    Rejected,
)
from lvsmon.model import FactValue, Outcome, Reason, Target
from lvsmon.model.settings import Pattern
from lvsmon.net.base import Stream
from lvsmon.probes.base import Context, passed
from lvsmon.probes.ssh_strength import CIPHERS, MACS, agreed
from lvsmon.probes.talk import next_event, refuse_vacuous, shown
from lvsmon.wire import ssh, ssh_kex
from lvsmon.wire.ssh_keys import TYPES, Wanted, fingerprint, keys_in, parse_wanted

_OWN: Final = b"SSH-2.0-lvsmon"
_FAREWELL: Final = ssh.disconnect("probed by lvsmon")
_MAX_FILE: Final = 1 << 20
"""Bytes of a file of host keys: some 2,000 lines of known_hosts."""

_MAX_ASIDES: Final = 100
"""Messages that may come in between (IGNORE, DEBUG) in one key exchange."""

_PENALTY: Final = b"Not allowed at this time"


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one connection has shown."""

    version: ssh.Version
    types: tuple[str, ...]
    type: str
    fingerprint: str
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SshProbe:
    """Exchange versions and keys, up to the proof that the server holds its host key; nobody logs in."""

    kind: ClassVar[str] = "ssh"
    memory_bound: ClassVar[int] = 4 << 20
    needs_hostname: ClassVar[bool] = False
    default_port: ClassVar[int] = 22

    mode: Literal["key", "banner"] = "key"
    """Key: the server proves its host key; banner: it says its version, which costs both sides little."""
    host_keys: tuple[str, ...] = ()
    """Host keys that it must have, each as a fingerprint ("SHA256:...") or as a public key ("ssh-ed25519 AAAA...")."""
    known_hosts: str | None = None
    """File of public keys or in the form of known_hosts, by which clients know the virtual service's name."""
    expect_banner: Pattern | None = None
    """Regular expression that must match in the version line, such as "OpenSSH"."""

    def __post_init__(self) -> None:
        """Raise ValueError for keys that are none and for settings that decide nothing."""
        if self.host_keys and self.known_hosts is not None:
            raise ValueError("host_keys and known_hosts: give one of them")
        if self.mode == "banner" and (self.host_keys or self.known_hosts is not None):
            raise ValueError('mode: "banner" sees no host key; leave it out, or leave out host_keys and known_hosts')
        if self.known_hosts is not None and (not self.known_hosts.startswith("/") or "\0" in self.known_hosts):
            raise ValueError('known_hosts: write an absolute path, such as "/etc/ssh/ssh_known_hosts"')
        try:
            wanted = [parse_wanted(text) for text in self.host_keys]
        except ValueError as error:
            raise ValueError(f"host_keys: {error}") from None
        if len({key.type is None for key in wanted}) > 1:
            raise ValueError("host_keys: write all as fingerprints or all as public keys")
        types = [key.type for key in wanted if key.type]
        if len(types) > len(set(types)) or len(wanted) > len({key.fingerprint for key in wanted}):
            raise ValueError("host_keys: two keys of one type, and a server has one of each; or one is written twice")
        if len(wanted) > len(TYPES):
            raise ValueError(f"host_keys: a server has {len(TYPES)} at most, one of each type")
        refuse_vacuous("expect_banner", self.expect_banner)

    @property
    def comparable(self) -> str:
        """The fact that should be the same on all realservers."""
        return "banner" if self.mode == "banner" else "host_key"

    @property
    def uses_hostname(self) -> bool:
        return self.known_hosts is not None

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        if self.mode == "banner":
            return await self._look(target, ctx)
        wanted, revoked = self._wanted(target)
        seen: list[_Seen] = []
        types: Collection[str] = {key.type for key in wanted if key.type} or TYPES
        while True:
            one = await self._prove(target, ctx, types)
            seen.append(one)
            self._judge(one, wanted, revoked)
            types = self._left(seen, wanted)
            if not types:
                break
        facts: dict[str, FactValue] = {
            "banner": shown(seen[0].version.line),
            "host_key": ", ".join(one.fingerprint for one in seen)[:200],
            "host_key_type": ", ".join(one.type for one in seen),
            "host_key_types": ", ".join(seen[0].types),
            "key_exchange": seen[0].method,
        }
        kept = "the host key that is expected" if wanted else "a host key"
        proven = " and ".join(one.type for one in seen)
        return passed(f"{shown(seen[0].version.line, 80)}, proved {kept} ({proven})", facts)

    async def _look(self, target: Target, ctx: Context) -> Outcome:
        stream = await ctx.net.connect(target.address, target.port)
        await stream.write(_OWN + b"\r\n")
        version = await self._version(stream, ssh.SshReader())
        await _leave(stream)
        return passed(shown(version.line, 120), {"banner": shown(version.line)})

    def _wanted(self, target: Target) -> tuple[list[Wanted], set[str]]:
        """Return the keys to hold it against; raise `LocalFault` where the file has none or cannot be read."""
        if self.known_hosts is None:
            return [parse_wanted(text) for text in self.host_keys], set()
        name = target.hostname or target.vip or target.address
        try:
            with Path(self.known_hosts).open("rb") as file:
                raw = file.read(_MAX_FILE + 1)
            if len(raw) > _MAX_FILE:
                raise LocalFault(f"known_hosts: {self.known_hosts} is larger than {_MAX_FILE} bytes")
            keys, revoked = keys_in(raw.decode("utf-8", "replace").splitlines(), name, target.vport or target.port)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise LocalFault(f"known_hosts: {self.known_hosts} cannot be read: {why}") from error
        except ValueError as error:
            raise LocalFault(f"known_hosts: {self.known_hosts}, {error}") from None
        if not keys:
            raise LocalFault(f"known_hosts: {self.known_hosts} has no key for {name}")
        return keys, revoked

    async def _prove(self, target: Target, ctx: Context, types: Collection[str]) -> _Seen:
        """Connect and let the server prove a host key of one of ``types``."""
        stream = await ctx.net.connect(target.address, target.port)
        reader = ssh.SshReader()
        algorithms = tuple(name for name in ssh_kex.HOST_KEY_ALGORITHMS if ssh_kex.type_of(name) in types)
        ours = ssh.offer(ssh_kex.METHODS, algorithms, CIPHERS, MACS)
        await stream.write(_OWN + b"\r\n" + ssh.packet(ours))
        version = await self._version(stream, reader)
        hear = _Hearing(stream, reader)
        theirs = ssh.parse_offer(await hear.packet())
        if theirs.raw == ours:
            raise ProtocolViolation("it sends back what it is sent")
        method, algorithm, offered = agreed(theirs, algorithms)
        said = b"".join(map(ssh.string, (_OWN, version.line, ours, theirs.raw)))
        exchange = ssh_kex.start(method, said)
        await stream.write(ssh.packet(exchange.first))
        if theirs.guesses and (theirs.kex[0] != method or theirs.host_keys[0] != algorithm):
            await hear.packet()  # a guess that was wrong counts for nothing (RFC 4253 section 7)
        while not isinstance(step := exchange.hear(await hear.packet()), ssh_kex.Proof):
            await stream.write(ssh.packet(step))
        ssh_kex.verify(step, algorithm)
        await _leave(stream)
        return _Seen(version, offered, ssh_kex.type_of(algorithm), fingerprint(step.host_key), method)

    async def _version(self, stream: Stream, reader: ssh.SshReader) -> ssh.Version:
        try:
            version = await next_event(stream, reader)
        except (PeerClosed, ConnectFailed) as error:
            # A server that closes while our words are unread resets the connection: what it said before explains it.
            raise (_turned_away(reader.said) if reader.said.strip() else error) from None
        if not isinstance(version, ssh.Version):
            raise ProtocolViolation("a packet before the version line")
        if version.line == _OWN:
            raise ProtocolViolation("it sends back what it is sent")
        if version.major == 1 and version.minor != 99:
            raise ExpectationFailed(f"it speaks SSH protocol 1 alone, which is broken: {shown(version.line, 80)!r}")
        if version.major not in {1, 2}:
            raise ProtocolViolation(f"a version of SSH that nobody knows: {shown(version.line, 80)!r}")
        if self.expect_banner is not None and not self.expect_banner.search(version.line):
            raise ExpectationFailed(f"expect_banner does not match in {shown(version.line, 120)!r}")
        return version

    def _judge(self, seen: _Seen, wanted: list[Wanted], revoked: set[str]) -> None:
        """Raise `ExpectationFailed` where the key is not one that clients know under its type."""
        facts = {"host_key": seen.fingerprint, "host_key_type": seen.type, "banner": shown(seen.version.line)}
        if seen.fingerprint in revoked:
            raise ExpectationFailed(f"host key {seen.fingerprint} ({seen.type}) is revoked", facts=facts)
        known = [key.fingerprint for key in wanted if key.type == seen.type]
        if known and seen.fingerprint not in known:
            raise ExpectationFailed(
                f"host key is {seen.fingerprint} ({seen.type}), clients know {known[0]}: "
                "they would be warned of an attack",
                facts=facts,
            )

    def _left(self, seen: list[_Seen], wanted: list[Wanted]) -> set[str]:
        """Return the types of keys still to be proved; raise `ExpectationFailed` where one cannot be."""
        offered, proved = set(seen[0].types), {one.type for one in seen}
        shown_keys = {one.fingerprint for one in seen}
        typed = {key.type for key in wanted if key.type}
        if typed:
            if self.host_keys and (missing := typed - offered):
                lacking, has = ", ".join(sorted(map(str, missing))), ", ".join(sorted(offered))
                raise ExpectationFailed(f"it has no host key of type {lacking}, only {has}")
            return {kind for kind in typed if kind in offered} - proved
        missing_keys = [key.fingerprint for key in wanted if key.fingerprint not in shown_keys]
        if not missing_keys:
            return set()
        if offered <= proved:
            has = ", ".join(f"{one.fingerprint} ({one.type})" for one in seen)
            raise ExpectationFailed(f"no host key is {missing_keys[0]}; it has {has}", facts={"host_key": has[:200]})
        return offered - proved


class _Hearing:
    """Hears the packets of a key exchange, past those that say nothing."""

    def __init__(self, stream: Stream, reader: ssh.SshReader) -> None:
        self._stream, self._reader = stream, reader

    async def packet(self) -> bytes:
        for _ in range(_MAX_ASIDES):
            event = await next_event(self._stream, self._reader)
            if not isinstance(event, ssh.Packet):
                raise ProtocolViolation("two version lines")
            if event.number == ssh.DISCONNECT:
                fields = ssh.Fields(event.payload)
                code, words = fields.number(), fields.string()
                raise Rejected(f"it disconnects in the key exchange: {shown(words, 200)!r} (code {code})")
            if event.number not in {ssh.IGNORE, ssh.DEBUG}:
                return event.payload
        raise ProtocolViolation(f"more than {_MAX_ASIDES} messages that say nothing")


async def _leave(stream: Stream) -> None:
    """Say that we go, so that the server logs an orderly end; one that has hung up has served all the same."""
    try:
        await stream.write(_FAREWELL)
    except ConnectFailed:
        return
    finally:
        stream.close()


def _turned_away(said: bytes) -> Rejected | LocalFault:
    """Return what it means that a server has ``said`` something and closes, before its version line."""
    if said.startswith(_PENALTY):
        return LocalFault(
            "the realserver's sshd penalises the director for connections that do not log in: name the director in "
            "PerSourcePenaltyExemptList there",
            Reason.LOCAL_PERMISSION,
        )
    hint = ": MaxStartups connections wait to log in" if b"MaxStartups" in said else ""
    return Rejected(f"the realserver says {shown(said, 120)!r} and closes the connection{hint}")
