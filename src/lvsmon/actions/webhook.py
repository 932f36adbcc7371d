"""webhook: an alert as an HTTP request, in lvsmon's own JSON or as a well-known receiver wants it."""

import hashlib
import hmac
import json
import re
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final, Literal
from urllib.parse import quote

from lvsmon.actions.bodies import alertmanager, chat, ntfy, pagerduty
from lvsmon.actions.secure import TlsSettings
from lvsmon.actions.web import Url, ask, judge
from lvsmon.actions.words import PLACEHOLDERS, as_json, words
from lvsmon.alerts.alert import Alert, Json
from lvsmon.model.placeholders import fill, refuse_unknown
from lvsmon.model.settings import Duration, Secret, shown
from lvsmon.secrets.masking import Masker

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t -~]*")
_LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_TOPIC: Final = re.compile(r"[-_A-Za-z0-9]{1,64}")
_OWN_HEADERS: Final = frozenset(
    {"host", "content-length", "content-type", "connection", "transfer-encoding", "user-agent", "idempotency-key",
     "x-lvsmon-signature"}
)  # fmt: skip
_DEPTH: Final = 16
"""Tables in tables of a template: more is a mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookChannel(TlsSettings):
    """Send an HTTP request; a 2xx answer has taken the alert. A redirect is never followed."""

    kind: ClassVar[str] = "webhook"

    url: str | None = None
    """Where to, such as "https://alerts.example.org/hook"; PagerDuty's own if not given, with body = "pagerduty"."""
    secret_url: Secret | None = None
    """Where to, instead of url, where who knows the URL may post, as with the hooks of Slack and other chats."""
    body: Literal["json", "alertmanager", "pagerduty", "slack", "mattermost", "matrix", "ntfy"] = "json"
    """What is sent: lvsmon's own JSON, or what a well-known receiver wants."""
    template: Mapping[str, Any] = field(default_factory=dict)
    """The JSON object to send instead, with body = "json"; placeholders such as {subject} are filled in."""
    method: Literal["POST", "PUT", "PATCH"] = "POST"
    """Method of the request."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers of the request."""
    token: Secret | None = None
    """Sent as "Authorization: Bearer ..."."""
    username: str | None = None
    """User for basic authorisation, together with password."""
    password: Secret | None = None
    """Password for basic authorisation."""
    signing_key: Secret | None = None
    """Key of the header X-Lvsmon-Signature, by which the receiver knows that lvsmon said it, and when."""
    routing_key: Secret | None = None
    """Integration key of a service of PagerDuty's, with body = "pagerduty"."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Further labels, with body = "alertmanager"; one that changes meanwhile makes another alert there."""
    hold: Duration = 7 * 86400.0
    """How long Alertmanager keeps what it hears no more of, with body = "alertmanager"."""
    link: str = ""
    """A URL that people are shown, for a runbook or a dashboard; placeholders are filled in."""
    retry_statuses: tuple[int, ...] = (408, 425, 429)
    """Statuses from 400 to 499 after which the alert is tried again; the others are final, all else is tried again."""
    timeout: Duration = 15.0
    """How long one try may take."""

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be sent, contradicts itself or decides nothing."""
        TlsSettings.__post_init__(self)
        self._check_url()
        self._check_body()
        for name, value in self.headers.items():
            if not _TOKEN.fullmatch(name):
                raise ValueError(f"headers: {shown(name)} is not the name of a header")
            if not _VALUE.fullmatch(value):
                raise ValueError(f"headers: write the value of {name} in ASCII, without line ends")
            if name.lower() in _OWN_HEADERS:
                raise ValueError(f"headers: {name} is not yours to set")
            if name.lower() == "authorization" and (self.token or self.username is not None):
                raise ValueError("headers: Authorization is made of token, or of username and password")
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password: give both or none")
        if self.username is not None and (":" in self.username or self.token):
            raise ValueError("username: no colon in it (RFC 7617), and no token beside it")
        if self.token is not None and not re.fullmatch(r"[!-~]+", self.token.reveal()):
            raise ValueError("token: it has characters that no header can carry")
        for status in self.retry_statuses:
            if not 400 <= status <= 499:
                raise ValueError(f"retry_statuses: write statuses from 400 to 499, not {status}")
        if not 0.1 <= self.timeout <= 600:
            raise ValueError("timeout: write a duration from 100ms to 10m")

    def _check_url(self) -> None:
        if self.url is not None and self.secret_url is not None:
            raise ValueError("url and secret_url: give one of them")
        if self.url is None and self.secret_url is None and self.body != "pagerduty":
            raise ValueError("url: missing: write where to send to, or secret_url where the URL is a secret")
        try:
            url = self._url
        except ValueError as error:
            raise ValueError(f"{'url' if self.secret_url is None else 'secret_url'}: {error}") from None
        if not url.secure:
            self.refuse_tls_settings("an https URL")
        if self.body == "ntfy" and not _TOPIC.fullmatch(url.target.rpartition("/")[2]):
            raise ValueError('url: end it in the topic, such as "https://ntfy.sh/our-alerts"')
        try:
            if self.link:
                Url.read(fill(self.link, dict.fromkeys(PLACEHOLDERS, "x")))
        except KeyError:
            refuse_unknown("link", [self.link], PLACEHOLDERS)
        except ValueError as error:
            raise ValueError(f"link: {error}") from None

    def _check_body(self) -> None:
        for setting, body in (("template", "json"), ("labels", "alertmanager"), ("routing_key", "pagerduty")):
            if getattr(self, setting) and self.body != body:
                raise ValueError(f'{setting}: works with body = "{body}" only')
        if self.body == "pagerduty" and self.routing_key is None:
            raise ValueError("routing_key: missing: PagerDuty shows it as the integration key of a service")
        _check_template(self.template, 0)
        refuse_unknown("labels", self.labels.values(), PLACEHOLDERS)
        for name in self.labels:
            if not _LABEL.fullmatch(name):
                raise ValueError(f"labels: {shown(name)} cannot be the name of a label: write letters, digits and _")
        if self.hold < 60:
            raise ValueError("hold: write at least 1m")
        if self.hold != 7 * 86400.0 and self.body != "alertmanager":
            raise ValueError('hold: works with body = "alertmanager" only')

    @property
    def _url(self) -> Url:
        if self.secret_url is not None:
            return Url.read(self.secret_url.reveal())
        return Url.read(self.url or pagerduty.URL)

    async def deliver(self, alert: Alert, /) -> None:
        url = self._url
        body, target = self._made(alert, url.target)
        url = Url(url.secure, url.where, target)
        answer = await ask(self, url, self.method, self._headers(alert, body), body)
        if self.secret_url is not None and len(target) > 1:  # an answer quotes the path alone
            mask = Masker([Secret(target)])
            answer = replace(answer, reason=mask.text(answer.reason), said=mask.text(answer.said))
        judge(self, url, answer, self.retry_statuses)

    def _made(self, alert: Alert, target: str) -> tuple[bytes, str]:
        """Return the body, and the path that it is sent to."""
        link = fill(self.link, {name: quote(word, safe="") for name, word in words(alert).items()})
        made: Json
        match self.body:
            case "alertmanager":
                made = alertmanager.body(alert, self.labels, link, self.hold)
                path = target.rstrip("/")
                target = path if path.endswith(alertmanager.PATH) else path + alertmanager.PATH
            case "pagerduty":
                made = pagerduty.body(alert, self.routing_key.reveal() if self.routing_key else "", link)
            case "slack":
                made = chat.slack(alert, link)
            case "mattermost":
                made = chat.mattermost(alert, link)
            case "matrix":
                made = chat.matrix(alert, link)
            case "ntfy":
                root, _, topic = target.rpartition("/")
                made, target = ntfy.body(alert, topic, link), f"{root}/"
            case _:
                made = _filled(dict(self.template), words(alert)) if self.template else as_json(alert)
        return json.dumps(made, ensure_ascii=False).encode("utf-8", "replace"), target

    def _headers(self, alert: Alert, body: bytes) -> dict[str, str]:
        headers = {
            "User-Agent": "lvsmon",
            "Content-Type": "application/json",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "Idempotency-Key": quote(alert.id[:200], safe=""),
            **self.headers,
        }
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token.reveal()}"
        elif self.username is not None and self.password is not None:
            pair = f"{self.username}:{self.password.reveal()}".encode()
            headers["Authorization"] = "Basic " + b64encode(pair).decode("ascii")
        if self.signing_key is not None:
            headers["X-Lvsmon-Signature"] = signature(self.signing_key.reveal(), int(time.time()), body)
        return headers


def signature(key: str, at: int, body: bytes) -> str:
    """Return "t=SECONDS,v1=HEX": HMAC-SHA256 (RFC 2104) over the seconds, a full stop and the body."""
    digest = hmac.new(key.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def _check_template(value: object, depth: int) -> None:
    """Raise ValueError for what JSON cannot say, and for unknown placeholders."""
    if depth > _DEPTH:
        raise ValueError(f"template: more than {_DEPTH} tables in tables")
    if isinstance(value, Mapping):
        for inner in value.values():
            _check_template(inner, depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check_template(inner, depth + 1)
    elif isinstance(value, str):
        refuse_unknown("template", [value], PLACEHOLDERS)
    elif not (value is None or isinstance(value, bool | int) or (isinstance(value, float) and abs(value) < 1e308)):
        raise ValueError(f"template: {shown(value)} cannot be said in JSON: write it as a text")


def _filled(value: Any, facts: Mapping[str, str]) -> Json:
    if isinstance(value, Mapping):
        return {str(name): _filled(inner, facts) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(inner, facts) for inner in value]
    if isinstance(value, str):
        return fill(value, facts)
    known: Json = value
    return known
