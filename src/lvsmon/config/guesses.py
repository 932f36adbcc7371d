"""What people write in place of our words, and what they may have meant."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Final

from lvsmon.config.guessed import GUESSED, KINDS
from lvsmon.model.settings import shown

_MEANT: Final[Mapping[str, str]] = {
    # keepalived
    "lb_algo": "scheduler",
    "lvs_sched": "scheduler",
    "lb_kind": "forward",
    "lvs_method": "forward",
    "delay_loop": "interval",
    "connect_timeout": "timeout",
    "retry": "fall",
    "virtualhost": "hostname",
    "persistence_timeout": "persistence",
    "persistence_granularity": "persistence_prefix",
    "inhibit_on_failure": "on_failure",
    "real_server": "realservers",
    "sorry_server": "sorry",
    "uthreshold": "upper_threshold",
    "lthreshold": "lower_threshold",
    # ldirectord
    "checkinterval": "interval",
    "checktimeout": "timeout",
    "negotiatetimeout": "timeout",
    "failurecount": "fall",
    "checkcount": "fall",
    "checkport": "port",
    "checktype": "kind",
    "persistent": "persistence",
    "netmask": "persistence_prefix",
    "quiescent": "on_failure",
    "real": "realservers",
    "fallback": "sorry",
    "virtual": "vip",
    "address": "vip",
    "ip": "address",
    # lvsmon's own, of old
    "accept_no_auth": "login",
    "any_answer": "login",
    # mon
    "alert": "to",
    "alertevery": "every",
    "alertafter": "after",
    "numalerts": "max",
    "upalert": "resolve",
    "upalertafter": "resolve_after",
    "no_comp_alerts": "resolve",
    "period": "when",
    "exclude_period": "unless",
    # values
    "nat": "masq",
    "dr": "route",
    "dsr": "route",
    "gate": "route",
    "direct": "route",
    "tun": "tunnel",
    "ipip": "tunnel",
}
"""What people who come from other programs write, and our word for it."""

SCHEMA: Final = "`lvsmon config schema`"
"""The command that lists everything there is to write."""

_FEW: Final = 12
"""So many names are told where nothing is near; of more, where they are listed."""


def meant(word: str, known: Collection[str], listed: str = SCHEMA) -> str:
    """Return ``; did you mean "interval"?`` or, where nothing is near, what there is: or that ``listed`` lists it."""
    word = word.lower()
    folded = {one.lower(): one for one in known}
    near = translated(word, known) or next(iter(get_close_matches(word, folded, n=1)), None)
    close = None if near is None else folded.get(near, near)
    if close is not None:
        return f"; did you mean {shown(close)}?"
    if len(known) > _FEW:
        return f"; {listed} lists what there is"
    return "; there is " + ", ".join(sorted(known)) if known else ""


def kind_meant(word: str, known: Collection[str], listed: str) -> str:
    """Return what `meant` does for a kind of probes, of which there are also words of other programs and protocols."""
    ours = KINDS.get(word.lower())
    return meant(word, known, listed) if ours is None else f'; did you mean "{ours}"?'


def translated(word: str, known: Collection[str]) -> str | None:
    """Return our word for what other programs call ``word``, where ``known`` has it."""
    return next((one for one in (*GUESSED.get(word, ()), _MEANT.get(word, "")) if one in known), None)
