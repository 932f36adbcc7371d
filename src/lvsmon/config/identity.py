"""What makes two probes the same probe: their whole definition, digested.

The digest is of canonical JSON, so it is the same in every process and on every Python.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from pathlib import PurePath
from typing import Any, Final

from lvsmon.model import Damping, Target
from lvsmon.model.patterns import Regex
from lvsmon.model.settings import Secret
from lvsmon.probes.base import Probe

_DIGEST_BYTES: Final = 6
"""12 hexadecimal digits: among 100,000 probes the odds that any two collide are 1 in 50,000."""

_ROUNDS: Final = 100_000
"""Identities are logged, so one must not be a quick way to try out passwords."""


def definition_of(probe: Probe) -> str:
    """Return kind and settings of ``probe`` as canonical JSON, secrets digested."""
    assert dataclasses.is_dataclass(probe)  # noqa: S101  `kinds.kind_of` takes nothing else
    return json.dumps(_plain(probe), sort_keys=True, separators=(",", ":"))


def identity(
    definition: str,
    kind: str,
    target: Target,
    *,
    interval: float,
    timeout: float,
    damping: Damping,
    paces: tuple[float | None, ...] = (),
    confirming: tuple[int, float] = (0, 0.0),
    tripwire: bool = False,
) -> str:
    """Return ``kind:address:port#digest``; times in seconds. Paces of None count as not there.

    ``confirming`` is how often, and how long after a failure; the latter counts where there is something to confirm.
    """
    whole = (
        f"{definition}\n{target.address}\n{target.port}\n{target.hostname or ''}\n"
        f"{target.vip or ''}\n{target.vport or ''}\n"
        f"{interval!r}\n{timeout!r}\n{damping.rise}\n{damping.fall}"
    ) + "".join(f"\n{number}={pace!r}" for number, pace in enumerate(paces) if pace is not None)
    whole += f"\nconfirm={confirming!r}" if confirming[0] else ""
    whole += "\ntripwire" if tripwire else ""
    whole += "" if target.realserver is None else f"\nrealserver={target.realserver}"
    whole += "" if target.through is None else f"\nthrough={target.through}"
    digest = hashlib.blake2b(whole.encode(), digest_size=_DIGEST_BYTES, usedforsecurity=False).hexdigest()
    return f"{kind}:{target}#{digest}"


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return _secret_digest(value)
    if isinstance(value, Regex):
        return [value.pattern.decode(), 0]  # the 0 says nothing, but without it every user's counters would be lost
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return [value.kind, fields] if hasattr(value, "kind") else fields
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((_plain(item) for item in value), key=json.dumps)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, PurePath) else value


@lru_cache
def _secret_digest(secret: Secret) -> str:
    return hashlib.pbkdf2_hmac("sha256", secret.reveal().encode(), b"lvsmon probe identity", _ROUNDS, 16).hex()
