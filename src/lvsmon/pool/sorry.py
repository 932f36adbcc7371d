"""The sorry server: in while no destination has a weight above 0, and out as soon as one has."""

from lvsmon.model import Health, NoticeKind, Rule
from lvsmon.pool.draft import Deciding


def rule(deciding: Deciding) -> None:
    """Put the sorry server of each virtual service in or out."""
    for each in deciding.virtuals:
        if each.sorry is None:
            continue
        each.sorry.health = Health.UP  # nobody asked to doubt it
        if each.serving:
            each.sorry.settle(None, Rule.SORRY, "a destination serves: the sorry server is out")
        else:
            weight = each.sorry.destination.settings.weight
            each.sorry.settle(weight, Rule.SORRY, "no destination serves: the sorry server is in")
            where = each.sorry.destination.key
            deciding.notice(NoticeKind.SORRY, each.virtual, f"no destination serves: the sorry server {where} does")
