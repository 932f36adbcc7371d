"""An alert as one syslog message (RFC 5424, RFC 3164): one line, bounded, never two. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from lvsmon.actions.clean import one_line
from lvsmon.actions.severities import syslog_severity
from lvsmon.alerts.alert import Alert
from lvsmon.alerts.condition import Subject
from lvsmon.text import escape

FACILITIES: Final[Mapping[str, int]] = {
    "kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "syslog": 5, "lpr": 6, "news": 7, "uucp": 8, "cron": 9,
    "authpriv": 10, "ftp": 11, "local0": 16, "local1": 17, "local2": 18, "local3": 19, "local4": 20, "local5": 21,
    "local6": 22, "local7": 23,
}  # fmt: skip
"""Numbers of facilities (RFC 5424 section 6.2.1) by their names in syslog.conf(5)."""

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MAX_LOOKED_AT: Final = 65536
"""Characters of a text that are looked at: no transport carries more."""


def rfc5424(alert: Alert, facility: str, app: str, sd_id: str, limit: int) -> bytes:
    """Return the message in at most ``limit`` bytes: who and what in structured data, the text behind it.

    The text is UTF-8 without the byte order mark that the RFC wants before it: receivers show that mark.
    """
    at = datetime.fromtimestamp(alert.at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    head = f"<{_priority(alert, facility)}>1 {at} {_word(alert.director, 255)} {_word(app, 48)} - {alert.stage.value} "
    data = _structured(sd_id, facts_of(alert), limit // 2 - len(head))
    start = head.encode() + data + b" "
    return start + _clipped(_line(alert), limit - len(start))


def rfc3164(alert: Alert, facility: str, app: str, limit: int, *, local: bool) -> bytes:
    """Return the message in the old form, in at most ``limit`` bytes; ``local`` leaves the host name out.

    So do programs that write to /dev/log: syslog(3). The time is the director's own, as the form has no zone.
    """
    at = datetime.fromtimestamp(alert.at)  # noqa: DTZ006  see above
    when = f"{_MONTHS[at.month - 1]} {at.day:2} {at:%H:%M:%S}"
    host = "" if local else f"{_word(alert.director, 255)} "
    start = f"<{_priority(alert, facility)}>{when} {host}{_word(app, 32)}: ".encode()
    return start + _clipped(_line(alert), limit - len(start))


def facts_of(alert: Alert) -> dict[str, str]:
    """Return what programs ask for first, by names that other forms use too."""
    subject = alert.conditions[0].subject if alert.conditions else Subject()
    return {
        "id": alert.id,
        "incident": alert.incident,
        "stage": alert.stage.value,
        "severity": alert.severity.value,
        "route": alert.route,
        "number": str(alert.number),
        "since": f"{alert.since:.3f}",
        "virtual": subject.virtual,
        "realserver": subject.realserver,
        "destination": subject.destination,
        "reason": alert.conditions[0].reason if alert.conditions else "",
    }


def _priority(alert: Alert, facility: str) -> int:
    return FACILITIES[facility] * 8 + syslog_severity(alert)


def _word(text: str, limit: int) -> str:
    """Return ``text`` as one of the header's fields: printable ASCII without spaces, "-" where there is none."""
    return "".join(letter if "!" <= letter <= "~" else "?" for letter in text[:limit]) or "-"


def _line(alert: Alert) -> str:
    """Return subject and text in one line; the text's own line ends become bars."""
    text = alert.text[:_MAX_LOOKED_AT].replace("\r\n", "\n").replace("\r", "\n")
    parts = [alert.subject[:_MAX_LOOKED_AT], *(line for line in text.split("\n") if line.strip())]
    return " | ".join(map(escape, parts))


def _structured(sd_id: str, facts: Mapping[str, str], limit: int) -> bytes:
    """Return an SD-ELEMENT (RFC 5424 section 6.3) in about ``limit`` bytes: each value gets its share."""
    names = sum(len(name) + len(' =""') for name in facts) + len(sd_id) + 2
    share = max(8, (limit - names) // len(facts))
    return f"[{sd_id}".encode() + b"".join(_param(name, text, share) for name, text in facts.items()) + b"]"


def _param(name: str, text: str, share: int) -> bytes:
    r"""Return a parameter; ``"``, ``\`` and ``]`` get a backslash in its value (section 6.3.3)."""
    value = b""
    for letter in one_line(text, share):
        quoted = (f"\\{letter}" if letter in '"\\]' else letter).encode()
        if len(value) + len(quoted) > share:
            break
        value += quoted
    return f' {name}="'.encode() + value + b'"'


def _clipped(text: str, limit: int) -> bytes:
    """Return ``text`` in at most ``limit`` bytes, no character cut in two."""
    raw = text.encode()
    return raw if len(raw) <= limit else raw[: limit - 3].decode(errors="ignore").encode() + "…".encode()
