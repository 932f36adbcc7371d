"""From sections to routes: names looked up, times read in their zone."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC
from math import inf

from lvsmon import windows
from lvsmon.alerts.condition import Severity
from lvsmon.alerts.period import Period
from lvsmon.alerts.route import After, GroupBy, Limit, Resolve, Route
from lvsmon.alerts.setup import Heartbeat, Setup
from lvsmon.config.alert_values import OFF, time_of_day
from lvsmon.config.complaints import Complaints, Where
from lvsmon.config.guesses import meant
from lvsmon.config.schema import AlertSection
from lvsmon.config.sections import Sections
from lvsmon.model import VirtualService
from lvsmon.model.settings import format_duration, shown
from lvsmon.probes.base import ProbeSpec

_RESOLVE = {"told": Resolve.TOLD, "never": Resolve.NO, "always": Resolve.ALWAYS}
_USUAL = Limit(60, 3600.0)


def setup_of(
    sections: Sections, virtuals: Sequence[VirtualService], probes: Collection[ProbeSpec], complaints: Complaints
) -> Setup:
    """Return routes and channels; what is wrong with them goes to ``complaints``.

    Names are looked up only where nothing else is wrong: they may be of a section that was refused.
    """
    names_are_known = not complaints
    names: dict[str, Where] = {}
    routes = []
    for where, section in sections.alerts:
        first = names.setdefault(section.name, where)
        if first is not where:
            complaints.add(where.at("name"), f"the name is taken by another alert at {first}: write a different one")
        needs = [key for key in ("when", "unless", "digest") if getattr(section, key)]
        if needs and section.timezone is None:
            complaints.add(where.at("timezone"), f'missing: write the time zone of {needs[0]}, such as "Europe/Berlin"')
        if names_are_known:
            _check_names(section, where, sections, virtuals, complaints)
            _check_pace(section.after, where.at("after"), probes, complaints)
        routes.append(_route(section))
    heartbeat = None
    if sections.heartbeat is not None:
        where, beat = sections.heartbeat
        heartbeat = Heartbeat(tuple(beat.to), beat.every)
        if names_are_known:
            _known("channel", beat.to, sections.channels, where.at("to"), complaints)
    channels = {name: entry.made for name, entry in sections.channels.items()}
    return Setup(tuple(routes), channels, heartbeat, sections.delivery.life)


def _check_names(
    section: AlertSection, where: Where, sections: Sections, virtuals: Sequence[VirtualService], complaints: Complaints
) -> None:
    destinations = [(virtual, one) for virtual in virtuals for one in virtual.destinations]
    tags = set[str]().union(*(virtual.tags | one.realserver.tags for virtual, one in destinations))
    _known("channel", section.to, sections.channels, where.at("to"), complaints)
    _known("virtual service", section.virtuals, [each.name for each in virtuals], where.at("virtuals"), complaints)
    realservers = {one.realserver.name for _, one in destinations}
    _known("realserver", section.realservers, realservers, where.at("realservers"), complaints)
    _known("tag", section.tags, tags, where.at("tags"), complaints)


def _check_pace(after: After | None, where: Where, probes: Collection[ProbeSpec], complaints: Complaints) -> None:
    """Refuse a number of failures that no probe can come to within the time."""
    if after is None or not after.within or not probes:
        return
    paces = (min(one.interval, one.fast_interval or inf, one.down_interval or inf) for one in probes)
    most = max(one.damping.fall + after.within // pace for one, pace in zip(probes, paces, strict=True))
    if most < after.failures:
        complaints.add(
            where,
            f"{after.failures} failures take longer than {format_duration(after.within)} at the intervals of probes: "
            f"write at most {most:.0f}, or a longer time",
        )


def _known(what: str, names: Iterable[str], known: Collection[str], where: Where, complaints: Complaints) -> None:
    for number, name in enumerate(names):
        if name not in known:
            near = meant(name, known, "the configuration")
            complaints.add(where.at(number), f"no {what} is called {shown(name)}{near}")


def _route(section: AlertSection) -> Route:
    return Route(
        name=section.name,
        to=tuple(section.to),
        severities=frozenset(Severity(one) for one in section.severities),
        virtuals=frozenset(section.virtuals),
        realservers=frozenset(section.realservers),
        tags=frozenset(section.tags),
        when=None if section.when is None else Period.parse(section.when),
        unless=None if section.unless is None else Period.parse(section.unless),
        zone=UTC if section.timezone is None else windows.zone(section.timezone),
        after=section.after or After(),
        every=section.every,
        most=section.max,
        resolve=_RESOLVE[section.resolve],
        resolve_after=section.resolve_after,
        acknowledgements=section.acknowledgements,
        group_by=GroupBy(section.group_by),
        group_wait=section.group_wait,
        digest=tuple(time_of_day(one) for one in section.digest),
        limit=None if section.limit == OFF else section.limit or _USUAL,
        stop=section.stop,
        subject=section.subject or "",
        text=section.text or "",
        html=section.html or "",
    )
