"""Maintenance windows: from the names in their sections to the destinations that they are about."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final

from lvsmon import windows
from lvsmon.config.complaints import Complaints, Where
from lvsmon.config.guesses import meant
from lvsmon.config.schema import MaintenanceSection
from lvsmon.config.sections import Sections
from lvsmon.model import VirtualService
from lvsmon.model.settings import format_duration, shown
from lvsmon.model.window import Purpose, Window

_STARTS: Final = 100
"""Starts that are looked at for one that comes while the window before still lasts: two years of weeks."""

_FROM: Final = 1_767_225_600.0
"""2026-01-01 00:00 UTC: where that look begins, so that a file is right or wrong on any day."""


def windows_of(sections: Sections, virtuals: Sequence[VirtualService], complaints: Complaints) -> tuple[Window, ...]:
    """Return the windows; what is wrong with them goes to ``complaints``.

    Names are looked up only where nothing else is wrong: they may be of a section that was refused.
    """
    names: dict[str, Where] = {}
    names_are_known = not complaints
    found = []
    for where, section in sections.maintenance:
        first = names.setdefault(section.name, where)
        if first is not where:
            complaints.add(
                where.at("name"), f"the name is taken by another maintenance window at {first}: write a different one"
            )
        if not (section.virtuals or section.realservers or section.tags):
            complaints.add(where, "write what it is about: virtuals, realservers or tags")
        window = Window(
            name=section.name,
            start=section.start,
            duration=section.duration,
            timezone=section.timezone,
            scope=_scope(section, where, sections, virtuals, complaints) if names_are_known else frozenset(),
            purpose=Purpose(section.purpose),
            comment=section.comment,
        )
        _check_end(window, where, complaints)
        found.append(window)
    return tuple(found)


def _check_end(window: Window, where: Where, complaints: Complaints) -> None:
    begun = windows.starts(window, _FROM, _STARTS)
    nearest = min((later - earlier for earlier, later in pairwise(begun)), default=None)
    if nearest is not None and nearest <= window.duration:
        complaints.add(
            where.at("duration"),
            f"write less than {format_duration(nearest)}, after which it begins anew: it would not end in between",
        )


def _scope(
    section: MaintenanceSection,
    where: Where,
    sections: Sections,
    virtuals: Sequence[VirtualService],
    complaints: Complaints,
) -> frozenset[tuple[str, str]]:
    tags: dict[str, set[str]] = {}
    for _, realserver in sections.realservers:
        for tag in realserver.tags:
            tags.setdefault(tag, set()).add(realserver.name)
    declared = {realserver.name: realserver for _, realserver in sections.realservers}
    of_virtual = {virtual.name: virtual for virtual in virtuals}
    well = [
        _known("virtual service", section.virtuals, of_virtual, where.at("virtuals"), complaints),
        _known("realserver", section.realservers, declared, where.at("realservers"), complaints),
        _known("tag", section.tags, tags, where.at("tags"), complaints),
    ]
    wanted = set(section.realservers).union(*(tags.get(tag, set()) for tag in section.tags))
    scope = frozenset(
        (virtual.name, each.realserver.name)
        for virtual in virtuals
        if not section.virtuals or virtual.name in section.virtuals
        for each in virtual.destinations
        if each.realserver.name in wanted or not (section.realservers or section.tags)
    )
    if all(well) and not scope:
        complaints.add(where, "there is no destination that it is about: none of the realservers is in these virtuals")
    return scope


def _known(thing: str, names: Iterable[str], known: Mapping[str, object], where: Where, complaints: Complaints) -> bool:
    unknown = [(number, name) for number, name in enumerate(names) if name not in known]
    for number, name in unknown:
        complaints.add(where.at(number), f"unknown {thing} {shown(name)}{meant(name, known, 'the configuration')}")
    return not unknown
