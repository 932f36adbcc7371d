"""The weight that health gives.

| health | quiesce | remove |
| --- | --- | --- |
| UP | configured weight, or the smallest that its probes ask for | the same |
| WARN | the share of that which `warn_share` says, rounded up | the same |
| DOWN | weight 0 | absent |
| UNKNOWN, in the kernel | its present weight, kept | its present weight, kept |
| UNKNOWN, not in the kernel | weight 0 | absent |

A weight that is asked for is worked out of the configured one each time, never of the present one: so nothing adds up.
Where an operator wishes for another weight, that stands in place of the configured one, and is the most there is.
"""

from lvsmon.model import Health, Rule, Weight
from lvsmon.pool import wishes
from lvsmon.pool.draft import Deciding, Draft
from lvsmon.pool.situation import Situation


def rule(deciding: Deciding) -> None:
    """Settle the weight of each destination by its health."""
    for _, draft in deciding.drafts():
        _settle(draft, deciding.situation)


def _settle(draft: Draft, situation: Situation) -> None:
    if draft.health.serves:
        wish = wishes.weight(draft)
        full = draft.destination.settings.weight if wish is None else wish.weight or 0
        asked = [(weight.of(full), weight) for weight in _asked(draft, situation)]
        least, weight = min(asked, key=lambda each: each[0], default=(full, None))
        if wish is not None:
            draft.settle(full, Rule.WISH, f"{wishes.words(wish)}: weight {full}")
            if least < full:
                draft.settle(least, Rule.ASKED, f"a probe asks for weight {weight} of the wished {full}, which is less")
        elif weight is not None:
            draft.settle(least, Rule.ASKED, f"a probe asks for weight {weight} of the configured {full}")
        else:
            draft.settle(full, Rule.CONFIGURED, f"{draft.health}: the configured weight {full}")
        share = draft.destination.policy.warn_share
        if draft.health is Health.WARN and share < 100 and draft.weight:
            less = Weight(share, percent=True).of(draft.weight)
            draft.settle(less, Rule.DEGRADED, f"WARN: {share}% of weight {draft.weight}, {less}")
    elif draft.health is Health.DOWN:
        how = "weight 0" if draft.out == 0 else "out of the table"
        draft.settle(draft.out, Rule.DOWN, f"DOWN: {how} (on_failure = {draft.destination.on_failure})")
    elif draft.doubted:
        whole = draft.destination.settings.weight
        draft.settle(whole, Rule.BRAKE, f"its failure is not believed: the configured weight {whole} again")
    elif draft.present is not None:
        kept = draft.present.settings.weight
        draft.settle(kept, Rule.UNKNOWN, f"UNKNOWN: the weight {kept} that the kernel has is kept")
    else:
        draft.settle(draft.out, Rule.UNKNOWN, "UNKNOWN, and not in the kernel's table: nothing is sent there yet")


def _asked(draft: Draft, situation: Situation) -> list[Weight]:
    weights = (situation.states[probe].weight for probe in draft.destination.probes)
    return [weight for weight in weights if weight is not None]
