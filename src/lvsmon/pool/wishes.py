"""What operators wish for: disable, drain, another weight. All that stand count, and the smallest weight wins.

A wished weight stands in place of the configured one: what probes ask for, WARN's share and slow start are of it, and
never more than it. Weight 0, disable and drain hold for every health.
"""

from lvsmon.model import Rule, Wish, WishKind
from lvsmon.pool import draining
from lvsmon.pool.draft import Deciding, Draft, VirtualDraft


def rule(deciding: Deciding) -> None:
    """Hold out whom an operator wishes out, and take out of the table who is drained and is to leave it."""
    for virtual, draft in deciding.drafts():
        for wish in draft.wishes:
            if wish.holds_out:
                # Also where it is absent already: the last word is the operator's, and no floor lets it in.
                how = "stays out of the table" if draft.weight is None else "weight 0"
                draft.settle(None if draft.weight is None else 0, Rule.WISH, f"{words(wish)}: {how}")
        for wish in draft.wishes:
            if wish.kind is WishKind.DRAIN and wish.remove and draft.weight is not None:
                _remove_when_drained(wish, virtual, draft, deciding)


def _remove_when_drained(wish: Wish, virtual: VirtualDraft, draft: Draft, deciding: Deciding) -> None:
    drain = draining.look(wish, virtual.virtual, draft.present, deciding.situation.today)
    if drain.over:
        why = {
            draining.Stage.OVERDUE: "its deadline is over, whatever is left",
            draining.Stage.DRAINED: "nothing is left",
            draining.Stage.REMOVED: "it is not in the table",
        }[drain.stage]
        draft.settle(None, Rule.WISH, f"drain {wish.name!r}: {why}: out of the table")
    else:
        deciding.again_at(deciding.situation.now + draining.POLL)


def weight(draft: Draft) -> Wish | None:
    """Return the wish for the smallest weight, None where the configured one holds."""
    wished = [wish for wish in draft.wishes if wish.kind is WishKind.WEIGHT and wish.weight is not None]
    return min(wished, key=lambda wish: wish.weight or 0, default=None)


def words(wish: Wish) -> str:
    """Return whose wish it is, for people."""
    comment = f" ({wish.comment})" if wish.comment else ""
    by = f" by {wish.by}" if wish.by else ""
    return f"wish {wish.name!r}{by}{comment} to {_verb(wish)} it"


def _verb(wish: Wish) -> str:
    return "weigh" if wish.kind is WishKind.WEIGHT else wish.kind
