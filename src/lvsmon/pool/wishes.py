"""What operators wish for: disable, drain, another weight. All that stand count, and the smallest weight wins."""

from lvsmon.model import Rule, Wish, WishKind
from lvsmon.pool.draft import Deciding, Draft


def rule(deciding: Deciding) -> None:
    """Lay the wishes in force over what health gave."""
    for virtual, draft in deciding.drafts():
        name = virtual.virtual.name, draft.destination.realserver.name
        mine = [wish for wish in deciding.situation.wishes if wish.concerns(*name)]
        for wish in mine:
            if wish.kind is WishKind.WEIGHT and draft.health.serves:
                _weigh(draft, wish)
        for wish in mine:
            if wish.kind is not WishKind.WEIGHT and draft.weight is not None:
                draft.settle(0, Rule.WISH, f"{_words(wish)}: weight 0")


def _weigh(draft: Draft, wish: Wish) -> None:
    wished = wish.weight or 0
    if draft.rule is Rule.WISH and draft.weight is not None and draft.weight <= wished:
        return
    draft.settle(wished, Rule.WISH, f"{_words(wish)}: weight {wished}")


def _words(wish: Wish) -> str:
    comment = f" ({wish.comment})" if wish.comment else ""
    by = f" by {wish.by}" if wish.by else ""
    return f"wish {wish.name!r}{by}{comment} to {wish.kind} it"
