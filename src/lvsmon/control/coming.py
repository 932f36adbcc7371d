"""What a reload of the present files would change among the probes."""

import dataclasses
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from lvsmon.config.plan import Plan
from lvsmon.probes.base import ProbeSpec


def probes(before: Collection[str], old: Mapping[str, ProbeSpec], plan: Plan) -> dict[str, list[dict[str, Any]]]:
    """Return which probes are new, gone and changed; of probes in ``before`` that are not in ``old`` only the id is
    known. A changed probe is the same kind on the same target with other settings; it begins anew, as UNKNOWN.
    """
    where = _destinations(plan)
    gone: defaultdict[str, list[str]] = defaultdict(list)
    for probe in before:
        if probe not in plan.probes:
            gone[_place(probe)].append(probe)
    new, changed = [], []
    for probe in plan.probes:
        if probe in before:
            continue
        told: dict[str, Any] = {"probe": probe, "destinations": where[probe]}
        if gone[_place(probe)]:
            was = gone[_place(probe)].pop(0)
            settings = _differing(old[was], plan.probes[probe]) if was in old else []
            changed.append({**told, "was": was, "settings": settings})
        else:
            new.append(told)
    left = [{"probe": probe} for each in gone.values() for probe in each]
    return {"new": new, "changed": changed, "gone": left}


def _place(probe: str) -> str:
    """Return kind and target of an id (`lvsmon.config.identity`)."""
    return probe.rpartition("#")[0]


def _destinations(plan: Plan) -> Mapping[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for virtual in plan.virtuals:
        for destination in virtual.destinations:
            for probe in destination.probes:
                found[probe].append(f"{virtual.name}/{destination.realserver.name}")
    for host in plan.hosts:
        for probe in host.probes:
            found[probe].append(f"host {host.name}")
    return found


def _differing(old: ProbeSpec, new: ProbeSpec) -> list[str]:
    """Return the names of the settings that differ; never their values, which may be secrets."""
    pairs = [
        (old, new, ("id", "probe", "target", "damping")),
        (old.damping, new.damping, ()),
        (old.target, new.target, ()),
    ]
    names = [name for one, other, without in pairs for name in _fields(one, other) if name not in without]
    return [*names, *_fields(old.probe, new.probe)]


def _fields(one: Any, other: Any) -> list[str]:
    return [
        each.name
        for each in dataclasses.fields(one)
        if getattr(one, each.name, None) != getattr(other, each.name, None)
    ]
