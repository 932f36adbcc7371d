"""dns: a name server, authoritative or recursive, that answers as it should; a secondary that has its primary's zone.

RFC 1035; serials by RFC 1982; UDP, truncation and TCP in `lvsmon.probes.dns_exchange`.
"""

import base64
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar, Final, Literal, TypeAlias

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tsig

from lvsmon.errors import ExpectationFailed
from lvsmon.model import FactValue, Outcome, Reason, Target
from lvsmon.model.settings import Duration, Secret
from lvsmon.probes import dns_answer
from lvsmon.probes.base import Context, passed
from lvsmon.probes.clocks import differ
from lvsmon.probes.dns_exchange import Answer, OwnClock, Question, ask
from lvsmon.probes.dns_primaries import Zone
from lvsmon.probes.dns_secondary import Limits, Seen, hold_against
from lvsmon.probes.reference import Server

_MAX_RETRIES: Final = 10
_HALF: Final = 1 << 31
ANY: Final = "ANY"
"""Instead of a code: any that says that the server does its work, if only by refusing."""

Algorithm: TypeAlias = Literal["hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]

_ALGORITHMS: Final = {"hmac-md5": "hmac-md5.sig-alg.reg.int"}  # RFC 8945 section 6


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsProbe:
    """Ask for a record; hold the answer, or a zone's serial, against what it should be."""

    kind: ClassVar[str] = "dns"
    default_port: ClassVar[int] = 53
    transport: ClassVar[str] = "any"
    uses_hostname: ClassVar[bool] = False
    needs_hostname: ClassVar[bool] = False
    memory_bound: ClassVar[int] = 8 << 20

    name: str
    """Name to ask for; for a zone's serial, the zone."""
    type: str = "SOA"
    """Type of record to ask for, such as SOA, A, MX or TXT."""
    rcode: str = "NOERROR"
    """Code of the answer: NXDOMAIN where the name must not exist, REFUSED for no recursion, ANY but a failure."""
    expect: tuple[str, ...] = ()
    """Records that must be in the answer, written as in a zone file, such as "10 mail.example.org."."""
    match: Literal["all", "any", "exact"] = "all"
    """What expect means: all of its records are there, any one of them, or exactly these and no others."""
    nodata: bool = False
    """The name must exist and have no record of the type."""
    shares_with: str = ""
    """Another name, asked for too, with which the answer must share a record: two names of one host."""
    recursive: bool = False
    """Ask as clients of a resolver do, and demand that the realserver offers recursion."""
    authoritative: bool | None = None
    """Demand that the answer comes from the zone itself (AA bit); as set, or else wherever recursive is not."""
    over: Literal["udp", "tcp"] = "udp"
    """UDP, which goes on over TCP where an answer is truncated, as clients do; or TCP alone."""
    edns: bool = True
    """Ask with EDNS, as today's clients do, and again without where the realserver does not know it."""
    dnssec: bool = False
    """Ask for signatures too: one that is valid now must cover the answer (dates only; nothing is verified)."""
    retries: int = 2
    """How often to ask again over UDP where nothing comes."""
    retransmit: Duration = 1.0
    """How long to wait for an answer over UDP before asking again."""
    primaries: tuple[str, ...] = ()
    """Addresses of the zone's primaries, with :port where it is not 53; the newest of their serials is right."""
    max_behind: int = 0
    """By how many steps the serial may be older than the primaries'."""
    max_ahead: int = 0
    """By how many steps the serial may be newer than the primaries'."""
    grace: Duration = 0.0
    """How long a secondary may take to come within these limits; WARN until then. Transfers take their time."""
    tsig_name: str = ""
    """Name of the key that signs questions and answers."""
    tsig_secret: Secret | None = None
    """The key, in base64 as in named.conf."""
    tsig_algorithm: Algorithm = "hmac-sha256"
    """The key's algorithm."""
    tsig_for: Literal["both", "realserver", "primaries"] = "both"
    """Who is asked with the key."""

    def __post_init__(self) -> None:
        """Raise ValueError for what no server can answer and for settings that contradict each other."""
        _name("name", self.name)
        rdtype = _type(self.type)
        rcode = None if self.rcode == ANY else _rcode(self.rcode)
        _records(rdtype, self.expect)
        for one in self.primaries:
            Server.read("primaries", one, 53)
        if self.shares_with:
            _name("shares_with", self.shares_with)
        if not 0 <= self.retries <= _MAX_RETRIES:
            raise ValueError(f"retries: write a number from 0 to {_MAX_RETRIES}")
        if self.retransmit <= 0:
            raise ValueError('retransmit: write a time longer than nothing, such as "1s"')
        if self.dnssec and not self.edns:
            raise ValueError("dnssec asks by EDNS: leave edns on")
        wants_none = self.nodata or rcode != dns.rcode.NOERROR
        if wants_none and (self.expect or self.shares_with or self.primaries or self.dnssec):
            what = "nodata" if self.nodata else f"rcode {self.rcode}"
            raise ValueError(f"{what}: there are no records then, so leave out expect, shares_with, primaries, dnssec")
        if self.nodata and rcode != dns.rcode.NOERROR:
            raise ValueError(f"nodata is about a name that exists: leave out rcode {self.rcode}")
        if self.match != "all" and not self.expect:
            raise ValueError(f"match {self.match} is about expect: give expect")
        self._check_serials(rdtype)
        self._check_key()

    @property
    def comparable(self) -> str | None:
        """The fact that should be the same on all realservers."""
        if self.nodata or self.rcode.upper() not in {"NOERROR", ANY}:
            return None
        return "serial" if self.type.upper() == "SOA" else "answer_digest"

    def _check_serials(self, rdtype: dns.rdatatype.RdataType) -> None:
        if not self.primaries:
            if self.max_behind or self.max_ahead or self.grace:
                raise ValueError("max_behind, max_ahead and grace compare with the primaries: give primaries")
            return
        if rdtype != dns.rdatatype.SOA:
            raise ValueError(f"primaries compare the serial of a SOA record: leave type {self.type} out")
        if self.recursive:
            raise ValueError("primaries: a resolver's serial is as old as its cache; leave recursive out")
        for setting, value in (("max_behind", self.max_behind), ("max_ahead", self.max_ahead)):
            if not 0 <= value < _HALF:
                raise ValueError(f"{setting}: write a number of steps from 0 to {_HALF - 1} (RFC 1982)")

    def _check_key(self) -> None:
        if bool(self.tsig_name) != (self.tsig_secret is not None):
            raise ValueError("tsig_name and tsig_secret go together: give both or none")
        if self.tsig_for == "primaries" and self.tsig_name and not self.primaries:
            raise ValueError("tsig_for primaries: give primaries")
        if self.tsig_secret is not None:
            _name("tsig_name", self.tsig_name)
            _key(self.tsig_name, self.tsig_secret, self.tsig_algorithm)

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        started = ctx.clock.monotonic()
        server = Server(target.address, target.port)
        question = self._question(self.name, "realserver")
        try:
            answer = await ask(ctx.net, server, question)
            heard_at = ctx.clock.monotonic()
            detail = self._judge(answer.message, question, ctx)
            if self.shares_with:
                other = self._question(self.shares_with, "realserver")
                found = await ask(ctx.net, server, other)
                detail = self._judge_shared(answer.message, found.message, other)
            facts = self._facts(answer)
            if self.primaries:
                serial = dns_answer.soa_serial(answer.message, question.name)
                seen = Seen(target, serial, heard_at, started)
                return await self._compare(ctx, server, question, seen, facts)
        except OwnClock as error:
            raise differ(ctx.clock, str(error), Reason.AUTHENTICATION) from error
        return passed(detail, facts)

    def _question(self, name: str, asked: Literal["realserver", "primaries"]) -> Question:
        key = None
        if self.tsig_secret is not None and self.tsig_for in {"both", asked}:
            key = _key(self.tsig_name, self.tsig_secret, self.tsig_algorithm)
        return Question(
            name=_name("name", name),
            type=_type(self.type),
            recursive=self.recursive,
            edns=self.edns,
            dnssec=self.dnssec and asked == "realserver",
            key=key,
            over_tcp=self.over == "tcp",
            retries=self.retries,
            retransmit=self.retransmit,
        )

    def _judge(self, message: dns.message.Message, question: Question, ctx: Context) -> str:
        """Return a sentence about what is right; raise `ProbeFailed` for what is not."""
        if self.rcode == ANY:
            return dns_answer.demand_any(message)
        wanted = _rcode(self.rcode)
        dns_answer.demand_rcode(message, wanted)
        exists = wanted in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}
        if exists and (self.authoritative if self.authoritative is not None else not self.recursive):
            dns_answer.demand_authority(message)
        if exists and self.recursive and not message.flags & dns.flags.RA:
            raise ExpectationFailed("the realserver does not offer recursion (no RA bit)")
        if wanted != dns.rcode.NOERROR:
            return f"{self.rcode.upper()} for {question.name}, as wanted"
        if self.nodata:
            found = dns_answer.records(message, question.name, question.type)
            if found is not None:
                raise ExpectationFailed(f"nodata: there is {dns_answer.shown(found)}")
            return f"no {self.type.upper()} record for {question.name}, as wanted"
        found = dns_answer.demand_records(message, question.name, question.type)
        if question.type == dns.rdatatype.SOA and not self.recursive:
            serial = dns_answer.soa_serial(message, question.name)
        if self.expect:
            dns_answer.demand_rdata(found, _records(question.type, self.expect), self.match)
        if self.dnssec:
            dns_answer.demand_signatures(message, found, ctx.clock)
        if question.type == dns.rdatatype.SOA and not self.recursive:
            return f"serial {serial}"
        return f"{self.type.upper()} {dns_answer.shown(found)}"

    def _judge_shared(self, message: dns.message.Message, other_message: dns.message.Message, other: Question) -> str:
        dns_answer.demand_rcode(other_message, dns.rcode.NOERROR)
        mine = dns_answer.demand_records(message, _name("name", self.name), other.type)
        theirs = dns_answer.demand_records(other_message, other.name, other.type)
        if not any(one in theirs for one in mine):
            raise ExpectationFailed(
                f"no record in common: {mine.name} has {dns_answer.shown(mine, 120)},"
                f" {other.name} has {dns_answer.shown(theirs, 120)}"
            )
        return f"{self.type.upper()} {dns_answer.shown(mine)}, shared with {other.name}"

    def _facts(self, answer: Answer) -> dict[str, FactValue]:
        message = answer.message
        facts: dict[str, FactValue] = {
            "rcode": dns.rcode.to_text(message.rcode()),
            "over": answer.over,
            "authoritative": bool(message.flags & dns.flags.AA),
            "edns": message.edns >= 0,
        }
        found = dns_answer.records(message, _name("name", self.name), _type(self.type))
        if found is not None:
            facts["records"] = len(found)
            facts["answer"] = dns_answer.shown(found)
            facts["answer_digest"] = dns_answer.digest(found)
            if found.rdtype == dns.rdatatype.SOA:
                facts["serial"] = found[0].serial
        return facts

    async def _compare(
        self, ctx: Context, server: Server, question: Question, seen: Seen, facts: dict[str, FactValue]
    ) -> Outcome:
        async def again() -> int:
            answer = await ask(ctx.net, server, question)
            self._judge(answer.message, question, ctx)
            return dns_answer.soa_serial(answer.message, question.name)

        primaries = tuple(Server.read("primaries", one, 53) for one in self.primaries)
        zone = Zone(primaries, self._question(self.name, "primaries"))
        limits = Limits(max_behind=self.max_behind, max_ahead=self.max_ahead, grace=self.grace)
        outcome = await hold_against(ctx, zone, limits, seen, again)
        return replace(outcome, facts=facts | {**outcome.facts})


@lru_cache(maxsize=4096)
def _name(setting: str, text: str) -> dns.name.Name:
    try:
        name = dns.name.from_text(text)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise ValueError(f"{setting}: {text!r} is no domain name: {error}") from None
    if not text:
        raise ValueError(f'{setting}: write a domain name, such as "example.org"')
    return name


@lru_cache(maxsize=256)
def _type(text: str) -> dns.rdatatype.RdataType:
    try:
        rdtype = dns.rdatatype.from_text(text)
    except (dns.exception.DNSException, ValueError):
        raise ValueError(f"type: there is no record type {text!r}; write one such as SOA, A, AAAA, MX, TXT") from None
    if dns.rdatatype.is_metatype(rdtype):
        raise ValueError(f"type: {text} is no type of record that a zone holds; write one such as SOA, A, MX, TXT")
    return rdtype


@lru_cache(maxsize=64)
def _rcode(text: str) -> dns.rcode.Rcode:
    try:
        return dns.rcode.from_text(text)
    except (dns.exception.DNSException, ValueError):
        raise ValueError(f"rcode: there is no code {text!r}; write NOERROR, NXDOMAIN, REFUSED ... or ANY") from None


@lru_cache(maxsize=4096)
def _records(rdtype: dns.rdatatype.RdataType, texts: tuple[str, ...]) -> tuple[dns.rdata.Rdata, ...]:
    found = []
    for text in texts:
        try:
            found.append(dns.rdata.from_text(dns.rdataclass.IN, rdtype, text, origin=dns.name.root, relativize=False))
        except (dns.exception.DNSException, ValueError) as error:
            kind = dns.rdatatype.to_text(rdtype)
            raise ValueError(f"expect: {text!r} is no {kind} record as a zone file has it: {error}") from None
    return tuple(found)


@lru_cache(maxsize=256)
def _key(name: str, secret: Secret, algorithm: str) -> dns.tsig.Key:
    try:
        octets = base64.b64decode(secret.reveal(), validate=True)
    except ValueError:
        octets = b""
    if not octets:
        raise ValueError("tsig_secret: write the key in base64, as in named.conf")
    return dns.tsig.Key(_name("tsig_name", name), octets, f"{_ALGORITHMS.get(algorithm, algorithm)}.")
