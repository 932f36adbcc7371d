"""Incoming hooks of chats: Slack, Mattermost, and Matrix by its bridge hookshot.

What stands in an alert is shown as it is: each chat's markup is escaped, and nobody is called by an @ in it.
"""

import html
import re
from collections.abc import Mapping
from typing import Final

from lvsmon.actions.bodies.tone import Tone, tone_of
from lvsmon.actions.clean import lines, one_line
from lvsmon.alerts.alert import Alert, Json

_COLOURS: Final[Mapping[Tone, str]] = {
    Tone.GOOD: "#2eb67d",
    Tone.INFO: "#439fe0",
    Tone.WARNING: "#daa038",
    Tone.ERROR: "#d63232",
    Tone.CRITICAL: "#a30200",
}
_MARKS: Final[Mapping[Tone, str]] = {
    Tone.GOOD: "✅",
    Tone.INFO: "ℹ️",
    Tone.WARNING: "⚠️",
    Tone.ERROR: "🔴",
    Tone.CRITICAL: "🚨",
}
_MAX_SUBJECT: Final = 250

_MAX_SLACK: Final = 2900
"""Slack takes 3000 characters in one text of a block."""

_MAX_MATTERMOST: Final = 3500
"""Mattermost takes 16383 characters in a post, and its older servers 4000."""

_MAX_MATRIX: Final = 10000
"""An event of Matrix has 64 KiB, and holds the text twice, once in HTML."""

_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~:$])")
_NO_MENTION: Final = "@\u200b"


def slack(alert: Alert, link: str) -> Json:
    """Return the payload of an incoming webhook of Slack's.

    The text is a block of plain text, in which nothing is markup; in the line above it, which also is what a phone
    shows, &, < and > are, and are escaped.
    """
    subject, text = _subject(alert), lines(alert.text, _MAX_SLACK)
    blocks: list[Json] = []
    if text.strip():
        blocks.append({"type": "section", "text": {"type": "plain_text", "text": text, "emoji": False}})
    if link:
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": f"<{_slack(link)}>"}]})
    told: dict[str, Json] = {
        "text": f"{_MARKS[tone_of(alert)]} {_slack(subject)}",
        "unfurl_links": False,
        "link_names": False,
    }
    if blocks:
        told["attachments"] = [{"color": _COLOURS[tone_of(alert)], "fallback": _slack(subject), "blocks": blocks}]
    return told


def _slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def mattermost(alert: Alert, link: str) -> Json:
    """Return the payload of an incoming webhook of Mattermost's, whose texts are Markdown."""
    attachment: dict[str, Json] = {
        "color": _COLOURS[tone_of(alert)],
        "fallback": _markdown(_subject(alert)),
        "text": _fenced(lines(alert.text, _MAX_MATTERMOST)),
    }
    if link:
        attachment["title"] = "more"
        attachment["title_link"] = link
    return {"text": f"{_MARKS[tone_of(alert)]} {_markdown(_subject(alert))}", "attachments": [attachment]}


def _markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text).replace("@", _NO_MENTION)


def _fenced(text: str) -> str:
    """Return ``text`` as a block of code; its fence is longer than any that stands in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def matrix(alert: Alert, link: str) -> Json:
    """Return the payload of a generic webhook of matrix-hookshot: the same as text and as HTML."""
    mark, subject, text = _MARKS[tone_of(alert)], _subject(alert), lines(alert.text, _MAX_MATRIX)
    more = f'<p><a href="{html.escape(link)}">{html.escape(link)}</a></p>' if link else ""
    shown = f"<pre><code>{html.escape(text)}</code></pre>"
    return {
        "text": f"{mark} {subject}\n{text}" + (f"\n{link}" if link else ""),
        "html": f"<p>{mark} <strong>{html.escape(subject)}</strong></p>{shown}{more}",
    }


def _subject(alert: Alert) -> str:
    return one_line(alert.subject, _MAX_SUBJECT) or str(alert.severity)
