"""What an answer is worth: pure decisions over a parsed message (RFC 1034, 1035, 2181, 8914)."""

import hashlib
from typing import Final

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.SOA
import dns.rrset

from lvsmon.errors import ExpectationFailed, Rejected, clip
from lvsmon.model import Reason
from lvsmon.net.clock import Clock
from lvsmon.probes.clocks import differ
from lvsmon.wire.serials import steps

_MAX_CHAIN: Final = 16
"""Aliases followed within one answer; resolvers give up at 8 to 17."""

_MAX_SHOWN: Final = 16
"""Records of an answer that are written out; 64 KiB hold thousands."""

_WORKS: Final = frozenset({dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.REFUSED, dns.rcode.NOTAUTH})
"""What a server may say to a question that is none of its business."""

_MEANING: Final = {
    dns.rcode.SERVFAIL: "it cannot answer: the zone has expired or is not loaded, or what it asks itself does not work",
    dns.rcode.REFUSED: "it does not serve the zone, or not to the director",
    dns.rcode.NOTAUTH: "it has no authority for the zone, or does not take the key",
    dns.rcode.NXDOMAIN: "it says that there is no such name",
    dns.rcode.FORMERR: "it does not understand the question",
    dns.rcode.NOTIMP: "it does not do such questions",
}


def demand_rcode(message: dns.message.Message, wanted: dns.rcode.Rcode) -> None:
    """Raise `ExpectationFailed` for another existence than ``wanted``, `Rejected` for an error."""
    got = message.rcode()
    if got == wanted:
        return
    said = dns.rcode.to_text(got)
    if got in _MEANING:
        said = f"{said}: {_MEANING[got]}"
    if extended := _extended(message):
        said = f"{said} (it adds: {extended})"
    if wanted != dns.rcode.NOERROR:
        said = f"wanted {dns.rcode.to_text(wanted)}, got {said}"
    if got in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        raise ExpectationFailed(said)
    raise Rejected(said)


def demand_any(message: dns.message.Message) -> str:
    """Return what the server says, which may be a refusal; raise `Rejected` where it says that it cannot work."""
    got = message.rcode()
    if got not in _WORKS:
        demand_rcode(message, dns.rcode.NOERROR)
    return f"it answers {dns.rcode.to_text(got)}"


def _extended(message: dns.message.Message) -> str:
    """Return the extended errors (RFC 8914): "expired signature", "stale answer", ..."""
    texts = []
    for option in message.options:
        if isinstance(option, dns.edns.EDEOption):
            name = option.code.name.replace("_", " ").lower()
            texts.append(f"{name}, {option.text!r}" if option.text else name)
    return clip("; ".join(texts[:4]), 120)


def demand_authority(message: dns.message.Message) -> None:
    """Raise `ExpectationFailed` where the AA bit is missing, saying what that looks like."""
    if message.flags & dns.flags.AA:
        return
    if referral := _referral(message):
        raise ExpectationFailed(f"lame: it does not serve the zone but refers to {referral}")
    raise ExpectationFailed("lame: the answer has no authority (no AA bit), so it comes from a cache")


def _referral(message: dns.message.Message) -> str:
    """Return the name servers that an answer without answers refers to, "" where it does not."""
    if message.answer:
        return ""
    names = [str(one) for rrset in message.authority if rrset.rdtype == dns.rdatatype.NS for one in rrset]
    return clip(", ".join(sorted(names)), 120)


def records(
    message: dns.message.Message, name: dns.name.Name, rdtype: dns.rdatatype.RdataType
) -> dns.rrset.RRset | None:
    """Return the records of ``rdtype`` that the answer gives for ``name``, aliases followed."""
    for _ in range(_MAX_CHAIN):
        found = _rrset(message, name, rdtype)
        if found is not None or rdtype == dns.rdatatype.CNAME:
            return found
        alias = _rrset(message, name, dns.rdatatype.CNAME)
        if alias is None:
            return None
        name = alias[0].target
    return None


def _rrset(
    message: dns.message.Message,
    name: dns.name.Name,
    rdtype: dns.rdatatype.RdataType,
    covers: dns.rdatatype.RdataType = dns.rdatatype.NONE,
) -> dns.rrset.RRset | None:
    return message.get_rrset(message.answer, name, dns.rdataclass.IN, rdtype, covers)


def demand_records(
    message: dns.message.Message, name: dns.name.Name, rdtype: dns.rdatatype.RdataType
) -> dns.rrset.RRset:
    """Return the records asked for; raise `ExpectationFailed` where there is none, saying what is there instead."""
    found = records(message, name, rdtype)
    if found is not None:
        return found
    what = dns.rdatatype.to_text(rdtype)
    if referral := _referral(message):
        raise ExpectationFailed(f"no {what} record: it refers to {referral}")
    alias = _rrset(message, name, dns.rdatatype.CNAME)
    if alias is not None:
        raise ExpectationFailed(f"no {what} record: {name} is an alias of {alias[0].target}, and nothing follows")
    where = next((str(one.name) for one in message.authority if one.rdtype == dns.rdatatype.SOA), None)
    if rdtype == dns.rdatatype.SOA and where is not None:
        raise ExpectationFailed(f"{name} is not the top of a zone there: it is a part of {where}")
    raise ExpectationFailed(f"the answer has no {what} record for {name}")


def soa_serial(message: dns.message.Message, zone: dns.name.Name) -> int:
    """Return the serial of the SOA record of ``zone``; raise `ExpectationFailed` where there is no such thing."""
    found = _rrset(message, zone, dns.rdatatype.SOA) or demand_records(message, zone, dns.rdatatype.SOA)
    if found.name != zone:
        raise ExpectationFailed(f"{zone} is an alias of {found.name}: a zone has a SOA record of its own")
    soa = found[0]
    assert isinstance(soa, dns.rdtypes.ANY.SOA.SOA)  # noqa: S101  what the codec makes of an rrset of this type
    return soa.serial


def demand_signatures(message: dns.message.Message, found: dns.rrset.RRset, clock: Clock) -> None:
    """Raise where no RRSIG covers ``found`` or none of them is valid now (RFC 4034 section 3.1.5)."""
    signatures = _rrset(message, found.name, dns.rdatatype.RRSIG, found.rdtype)
    if signatures is None:
        raise ExpectationFailed(f"the answer for {found.name} is not signed: it has no RRSIG")
    now = int(clock.utc()) % (1 << 32)
    off_by = min(max(steps(one.inception, now) or 0, steps(now, one.expiration) or 0) for one in signatures)
    if off_by > 0:
        detail = f"no signature of {found.name} is valid now: they have expired or are not valid yet"
        raise differ(clock, detail, Reason.EXPECTATION, off_by)


def demand_rdata(found: dns.rrset.RRset, expect: tuple[dns.rdata.Rdata, ...], match: str) -> None:
    """Raise `ExpectationFailed` where the records are not what ``match`` (all, any, exact) wants of ``expect``."""
    missing = [one for one in expect if one not in found]
    surplus = [one for one in found if one not in expect]
    if match == "any":
        if len(missing) == len(expect):
            raise ExpectationFailed(f"none of the expected records is there: {shown(found)}")
    elif missing:
        raise ExpectationFailed(f"{missing[0].to_text()} is missing: there is {shown(found)}")
    elif match == "exact" and surplus:
        raise ExpectationFailed(f"{surplus[0].to_text()} is there and not expected")


def shown(found: dns.rrset.RRset, limit: int = 200) -> str:
    """Return the records as text, bounded; sorted, for servers send them in turning order."""
    return clip(", ".join(sorted(one.to_text() for one in list(found)[:_MAX_SHOWN])), limit)


def digest(found: dns.rrset.RRset) -> str:
    """Return a digest of all records, whatever their order and their times to live."""
    return hashlib.sha256("\n".join(sorted(one.to_text() for one in found)).encode()).hexdigest()[:16]
