"""The sorry server: in before the last destination leaves, out after the first is back.

Or, where the configuration says so, in below a quorum and out only when more than that serves again; whoever is healthy
goes on serving beside it (trap 19).
"""

from dataclasses import replace

from lvsmon.model import Amount, Health, NoticeKind, Rule
from lvsmon.pool.draft import Deciding, VirtualDraft
from lvsmon.pool.floor import reached


def rule(deciding: Deciding) -> None:
    """Put the sorry server of each virtual service in or out."""
    standing_in = set()
    for each in deciding.virtuals:
        if each.sorry is None:
            continue
        each.sorry.health = Health.UP  # nobody asked to doubt it
        present = each.sorry.present is not None and each.sorry.present.settings.weight > 0
        wanted = _wanted(each, was_in=each.virtual.key in deciding.memory.sorry or present)
        if reached(wanted, each):
            each.sorry.settle(None, Rule.SORRY, "enough destinations serve: the sorry server is out")
            continue
        standing_in.add(each.virtual.key)
        weight = each.sorry.destination.settings.weight
        short = f"less than {wanted} of the destinations serve" if each.serving else "no destination serves"
        each.sorry.settle(weight, Rule.SORRY, f"{short}: the sorry server is in")
        where = each.sorry.destination.key
        deciding.notice(NoticeKind.SORRY, each.virtual, f"{short}: the sorry server {where} is in")
    deciding.following = replace(deciding.following, sorry=frozenset(standing_in))


def _wanted(each: VirtualDraft, *, was_in: bool) -> Amount:
    """Return how much must serve for the sorry server to be out."""
    below, more = each.virtual.sorry_below, each.virtual.sorry_hysteresis
    return Amount(below.value + more.value, below.percent) if was_in else below
