"""Settings that kinds which speak HTTP have in common: what can be sent in a line, users, tokens, sizes."""

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Final

from lvsmon.model.settings import Secret
from lvsmon.wire.http1 import TOKEN

MAX_MAX_BODY: Final = 1 << 30

_TOKEN: Final = re.compile(TOKEN.pattern.decode())
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_BEARER: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750 section 2.1


def check_line(setting: str, text: str | None) -> None:
    """Raise ValueError where ``text`` cannot be sent in a header line."""
    if text is not None and _CONTROL.search(text):
        raise ValueError(f"{setting}: no control characters, such as line ends, can be sent: {text!r}")


def check_headers(headers: Mapping[str, str], own: Mapping[str, str]) -> None:
    """Raise ValueError where a header cannot be sent, or is one of the probe's ``own``: name to what to do instead."""
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"headers: {name!r} is not the name of a header")
        if _CONTROL.search(value):
            raise ValueError(f"headers: no control characters, such as line ends, can be sent: {name}: {value!r}")
        if (instead := own.get(name.lower())) is not None:
            raise ValueError(f"headers: {name} is not yours to set: {instead}")


def check_user(username: str | None, password: Secret | None) -> None:
    """Raise ValueError where user and password are not both given, or cannot be sent (RFC 7617)."""
    if (username is None) != (password is None):
        raise ValueError("username and password: give both or none")
    if username is not None and ":" in username:
        raise ValueError("username: basic authorisation cannot carry a colon in it (RFC 7617)")


def check_token(token: Secret | None) -> None:
    """Raise ValueError where ``token`` is no bearer token; the message does not show it."""
    if token is not None and not _BEARER.fullmatch(token.reveal()):
        raise ValueError("token: a bearer token holds letters, digits and -._~+/ only, and = at its end (RFC 6750)")


def basic(username: str, password: Secret) -> str:
    """Return the value of ``Authorization`` for a user (RFC 7617)."""
    return "Basic " + b64encode(f"{username}:{password.reveal()}".encode()).decode("ascii")


def check_max_body(max_body: int) -> None:
    """Raise ValueError where ``max_body`` is no size that can be read."""
    if not 1 <= max_body <= MAX_MAX_BODY:
        raise ValueError("max_body: write a size from 1B to 1024MiB")
