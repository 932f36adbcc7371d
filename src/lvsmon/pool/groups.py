"""Groups: the destinations of one realserver in several virtual services stand and fall together."""

from lvsmon.model import Group, Health
from lvsmon.pool.draft import Deciding, Draft


def rule(deciding: Deciding) -> None:
    """Take down with each destination those that its groups tie to it, and those tied to these."""
    places: dict[tuple[str, str], list[Draft]] = {}
    for virtual, draft in deciding.drafts():
        places.setdefault((virtual.virtual.name, draft.destination.realserver.address), []).append(draft)
    addresses = sorted({address for _, address in places})
    changed = True
    while changed:  # each round takes somebody down, so it ends
        changed = any(_tie(group, address, places) for group in deciding.situation.groups for address in addresses)


def _tie(group: Group, address: str, places: dict[tuple[str, str], list[Draft]]) -> bool:
    """Take down what ``group`` ties together on one realserver; say whether that was news."""
    down = [
        name for name in sorted(group.leads) for draft in places.get((name, address), []) if draft.health is Health.DOWN
    ]
    if not down:
        return False
    news = False
    for name in group.virtuals:
        for draft in places.get((name, address), []):
            if draft.health is not Health.DOWN and not draft.cut_off:
                draft.tied = down[0]
                draft.believe(Health.DOWN, f"DOWN with {down[0]!r} on the same realserver (group {group.name!r})")
                news = True
    return news
