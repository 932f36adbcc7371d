"""Whether an answer is what a request wants: its status, its headers, where it redirects to, its body."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from lvsmon.errors import ExpectationFailed, PeerClosed, Rejected, clip
from lvsmon.model import FactValue, Outcome, Reason, Verdict
from lvsmon.probes.base import passed
from lvsmon.probes.bodies import BodyText
from lvsmon.probes.http_expect import AnswerSettings
from lvsmon.probes.http_link import Link
from lvsmon.probes.talk import shown
from lvsmon.wire.http1 import Head

GivesAway: TypeAlias = Callable[[bytes], str | None]
"""Takes a Location and returns what it gives away, as the end of a sentence; None where that is nothing."""


async def judge(
    wanted: AnswerSettings, link: Link, head: Head, *, max_body: int, leaks: str, gives_away: GivesAway
) -> Outcome:
    """Read the rest of the answer and return its outcome; raise where it is not as ``wanted``.

    ``leaks`` is what becomes of a redirect that gives the realserver away: "fail", "warn" or "ignore"; what it gives
    away, ``gives_away`` tells.
    """
    leaked = None if leaks == "ignore" else _leaked(head, gives_away)
    _judge_status(wanted, head, leaked)
    if leaked is not None and leaks == "fail":
        raise ExpectationFailed(leaked)
    outcome = await judge_rest(wanted, link, head, max_body)
    if leaked is not None:
        detail = clip(f"{outcome.detail}, but {leaked}")
        outcome = replace(outcome, verdict=Verdict.WARN, reason=Reason.DEGRADED, detail=detail)
    return outcome


def _leaked(head: Head, gives_away: GivesAway) -> str | None:
    """Return what a redirect gives away, as a sentence; only 201 and 3xx have a Location that clients follow."""
    if head.status != 201 and not 300 <= head.status < 400:
        return None
    for name, value in head.headers:
        if name == b"location" and (found := gives_away(value)) is not None:
            return f"it redirects to {shown(value, 120)}, {found}"
    return None


def _judge_status(wanted: AnswerSettings, head: Head, leaked: str | None) -> None:
    if head.status in wanted.status:
        return
    detail = f"status {told(head)}, wanted {wanted.status}"
    location = head.get(b"location")
    if leaked is not None:
        detail += f"; {leaked}"
    elif location is not None and 300 <= head.status < 400:
        detail += f"; it redirects to {shown(location, 120)}"
    if head.status == 401:
        raise Rejected(detail, Reason.AUTHENTICATION)
    raise Rejected(detail) if head.status >= 400 else ExpectationFailed(detail)


async def judge_rest(wanted: AnswerSettings, link: Link, head: Head, max_body: int) -> Outcome:
    """Judge all but the status; raise where it is not as ``wanted``.

    The body is read to its end or to ``max_body``: cut short, it fails even if it holds what is expected.
    """
    wanted.expect_headers.judge(head)
    body = BodyText(
        max_body,
        keep=wanted.keeps_body,
        algorithm=(wanted.digest or "sha256").partition(":")[0],
        coding=head.get(b"content-encoding") if wanted.looks_into_body else None,
    )
    while not body.full:
        data = await link.more()
        if data is None:
            break
        body.add(data)
    if not body.full and not body.complete:
        raise PeerClosed("the compressed body ends too early: it is truncated")
    digest = body.digest_without(wanted.digest_ignore)
    _expect(wanted, body, digest, max_body)
    facts: dict[str, FactValue] = {"status": head.status}
    if (server := head.get(b"server")) is not None:
        facts["server"] = shown(server)
    if body.full:
        return passed(f"{told(head)}, more than {max_body} bytes", facts)
    facts["content_length"] = body.received
    facts["digest"] = digest[:16]
    return passed(f"{told(head)}, {body.received} bytes", facts)


def _expect(wanted: AnswerSettings, body: BodyText, digest: str, max_body: int) -> None:
    within = f"in the first {max_body} bytes of the body" if body.full else "in the body"
    begins = f"which begins with {shown(body.text, 80)!r}"
    if wanted.expect is not None and not wanted.expect.search(body.text):
        raise ExpectationFailed(f"expect does not match {within}, {begins}")
    if wanted.expect_text is not None and wanted.expect_text.encode() not in body.text:
        raise ExpectationFailed(f"expect_text is not {within}, {begins}")
    if wanted.expect_absent is not None and (found := wanted.expect_absent.search(body.text)):
        raise ExpectationFailed(f"expect_absent matches {within}: {shown(found[0], 80)!r}")
    if body.full and (setting := _needs_whole(wanted)) is not None:
        raise ExpectationFailed(
            f"the body is larger than max_body ({max_body} bytes), so {setting} cannot be told; raise max_body"
        )
    if wanted.digest is not None and wanted.digest.partition(":")[2] != digest:
        raise ExpectationFailed(f"the body's digest is {wanted.digest.partition(':')[0]}:{digest}, {begins}")
    if wanted.expect_json.rules:
        wanted.expect_json.judge(body.text)


def _needs_whole(wanted: AnswerSettings) -> str | None:
    """Return the setting that only the whole body can decide, None where there is none."""
    if wanted.digest is not None:
        return "digest"
    if wanted.expect_json.rules:
        return "expect_json"
    return "expect_absent" if wanted.expect_absent is not None else None


def told(head: Head) -> str:
    """Return the status of an answer for a detail."""
    return f"{head.status} {shown(head.reason, 60)}".rstrip()
