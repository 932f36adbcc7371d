"""Rules of what is decided: how probes vote, the floor, the sorry server's quorum, damping, paces."""

from collections.abc import Sequence

from lvsmon.config.cascade import Layer, Level, Setting
from lvsmon.config.complaints import Complaints, Where
from lvsmon.config.schema import FlapSection, SorrySection, VirtualSection
from lvsmon.config.sections import VirtualEntry
from lvsmon.model import NONE, ONE, Amount, Flap, Initial, Policy, Poll
from lvsmon.model.settings import format_duration, shown


def policy_of(settings: Layer, poll: Poll | None, where: Where, complaints: Complaints) -> Policy:
    """Return what is decided of a destination beside its health."""
    return Policy(
        initial=Initial(settings["initial"].value),
        warn_share=settings["warn_share"].value,
        slow_start=settings["slow_start"].value,
        flap=_flap(settings["flap"], where, complaints),
        poll=poll,
    )


def _flap(setting: Setting, where: Where, complaints: Complaints) -> Flap | None:
    section: FlapSection | None = setting.value
    if section is None:
        return None
    if section.max_hold <= section.half_life:
        complaints.add(
            (setting.where or where).at("max_hold"),
            f"write a longer one than half_life, {format_duration(section.half_life)}: nobody would ever be held",
        )
    return Flap(section.forgiven, section.half_life, section.max_hold)


def check_votes(entry: VirtualEntry, complaints: Complaints) -> None:
    """Complain of ``combine``, ``needed`` and ``votes`` that do not go together."""
    section, where = entry.section, entry.where
    if section.combine is not None and not section.probe:
        complaints.add(where.at("combine"), "there is no probe to combine: leave it out")
    if section.combine != "weighted":
        for place in _voting(entry):
            complaints.add(place, 'works with combine = "weighted" only: write that at the virtual service')
        return
    votes = sum(probe.section.votes or 1 for probe in entry.probes)
    if section.needed is None:
        complaints.add(where.at("needed"), f"missing: write how many of the {votes} votes are needed")
    elif section.needed > votes and len(entry.probes) == len(section.probe):
        complaints.add(where.at("needed"), f"can never be met: all probes together have {votes} votes")


def _voting(entry: VirtualEntry) -> list[Where]:
    places = [probe.where.at("votes") for probe in entry.probes if probe.section.votes is not None]
    return places if entry.section.needed is None else [entry.where.at("needed"), *places]


def poll_of(section: VirtualSection, votes: Sequence[tuple[str, int | None]]) -> Poll | None:
    """Return how the probes of a destination vote; ``votes`` are their ids with the votes that are written."""
    if section.combine == "any":
        return Poll(1, {})
    if section.combine == "weighted":
        return Poll(section.needed or 1, {name: count for name, count in votes if count is not None})
    return None


def floor_of(setting: Setting, destinations: int, complaints: Complaints) -> Amount:
    """Return the floor; one that comes from a default may be more than a small virtual service has."""
    floor: Amount = setting.value
    if setting.level is Level.VIRTUAL and setting.where and not floor.percent and floor.value > destinations:
        complaints.add(setting.where, f"more than there are: write at most {destinations}, or a share")
    return floor


def quorum_of(
    section: SorrySection | None, destinations: int, where: Where, complaints: Complaints
) -> tuple[Amount, Amount]:
    """Return below how much the sorry server is in, and how much more takes it out."""
    if section is None:
        return ONE, NONE
    below, more = section.below or ONE, section.hysteresis
    if not below.value:
        complaints.add(where.at("below"), "0 would never put it in: write 1 or leave it out for only when none serves")
    if more is None:
        more = Amount(0, below.percent)
    elif more.percent is not below.percent:
        complaints.add(where.at("hysteresis"), f"write it as below is written, {shown(_written(below))}")
    total = 100 if below.percent else destinations
    if below.value + more.value > total:
        most = "100%" if below.percent else str(destinations)
        key = "hysteresis" if below.value <= total else "below"
        complaints.add(where.at(key), f"can never be met: more than {most} would have to serve")
    return below, more


def check_paces(merged: Layer, where: Where, complaints: Complaints) -> None:
    """Complain of intervals that are to be shorter than the interval and are not."""
    interval = merged["interval"]
    for key, name in (("fast_interval", "fast"), ("confirm_interval", "confirming")):
        short = merged[key]
        if short.level > Level.BUILT_IN and short.value is not None and short.value > interval.value:
            nearer = short if short.level >= interval.level else interval
            complaints.add(
                nearer.where or where,
                f"the {name} interval {format_duration(short.value)} is longer than the interval"
                f" {format_duration(interval.value)}: write a shorter one",
            )


def _written(amount: Amount) -> str | int:
    return str(amount) if amount.percent else amount.value
