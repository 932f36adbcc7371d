"""The effective configuration as a document: every default filled in, secrets hidden, loadable again without them.

Values that a file writes for a probe stay as they are written; the rest is written from the plan.
"""

from typing import Any

from lvsmon.config.cascade import TIMING, Layer
from lvsmon.config.kinds import as_written
from lvsmon.config.loading import Loaded, Resolved
from lvsmon.config.runs import effective
from lvsmon.config.schema import MaintenanceSection, RealserverSection
from lvsmon.config.sections import HostEntry
from lvsmon.config.show_alerts import alerting_of
from lvsmon.config.show_probes import probe_of, timing_of
from lvsmon.config.values import Floor
from lvsmon.model import Destination, Family, Policy, VirtualService
from lvsmon.model.settings import format_duration


def document(loaded: Loaded) -> dict[str, Any]:
    """Return the sections as plain tables, lists, strings and numbers."""
    plan = loaded.plan
    return {
        "director": {
            "backend": plan.backend.value,
            "reconcile_interval": format_duration(plan.reconcile_interval),
            "runs_per_realserver": plan.runs_per_realserver,
            "state_directory": str(plan.state_directory),
            "log_level": plan.log_level,
            **({"sysctl": dict(plan.sysctls)} if plan.sysctls else {}),
        },
        "history": {"keep": format_duration(plan.retention.age), "rows": plan.retention.rows},
        "control": {
            "socket": str(plan.control.socket),
            **({} if plan.control.read_group is None else {"read_group": plan.control.read_group}),
            **({} if plan.control.write_group is None else {"write_group": plan.control.write_group}),
        },
        "realserver": [_realserver(one) for _, one in loaded.sections.realservers],
        "virtual": [_virtual(one) for one in loaded.resolved],
        **_beside(loaded),
    }


def _window(section: MaintenanceSection) -> dict[str, Any]:
    return {
        "name": section.name,
        "start": section.start,
        "duration": format_duration(section.duration),
        "timezone": section.timezone,
        **{key: names for key in ("virtuals", "realservers", "tags") if (names := getattr(section, key))},
        "purpose": section.purpose,
        "comment": section.comment,
    }


def _beside(loaded: Loaded) -> dict[str, Any]:
    """Return hosts, groups, the brake and maintenance windows, as far as there are any."""
    shown: dict[str, Any] = {}
    hosts = zip(loaded.sections.hosts, loaded.beside.timings, strict=True)
    if loaded.sections.hosts:
        shown["host"] = [_host(entry, timing) for entry, timing in hosts]
    if loaded.beside.groups:
        shown["group"] = [
            {"name": one.name, "virtuals": sorted(one.virtuals), "leads": sorted(one.leads)}
            for one in loaded.beside.groups
        ]
    if (brake := loaded.beside.brake) is not None:
        shown["brake"] = {
            "failing": as_written(Floor, brake.failing),
            "window": format_duration(brake.window),
            "self_test": list(brake.self_test),
        }
    if loaded.sections.vantage is not None:
        shown["vantage"] = loaded.sections.vantage[1].model_dump(exclude_defaults=True)
    if loaded.sections.maintenance:
        shown["maintenance"] = [_window(section) for _, section in loaded.sections.maintenance]
    return shown | alerting_of(loaded.sections)


def _host(entry: HostEntry, timing: Layer) -> dict[str, Any]:
    section = entry.section
    shown: dict[str, Any] = {"name": section.name, "address": section.address}
    if section.depends is not None:
        shown["depends"] = str(section.depends)
    return {**shown, "probe": [probe_of(probe, timing_of(effective(probe, timing))) for probe in entry.probes]}


def _realserver(section: RealserverSection) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": section.name, "address": section.address}
    if section.depends is not None:
        shown["depends"] = str(section.depends)
    if section.tags:
        shown["tags"] = section.tags
    return shown


def _virtual(resolved: Resolved) -> dict[str, Any]:
    virtual, section = resolved.virtual, resolved.entry.section
    probes, shared = _probes(resolved)
    shown: dict[str, Any] = {"name": virtual.name, **_key(virtual)}
    if virtual.hostname is not None:
        shown["hostname"] = virtual.hostname
    shown["scheduler"] = virtual.settings.scheduler
    if virtual.settings.flags:
        shown["flags"] = sorted(virtual.settings.flags)
    if virtual.settings.persistence:
        shown["persistence"] = format_duration(virtual.settings.persistence)
        for key in ("persistence_prefix", "persistence_engine"):
            if getattr(section, key) is not None:
                shown[key] = getattr(section, key)
    if section.depends is not None:
        shown["depends"] = str(section.depends)
    if section.tags:
        shown["tags"] = section.tags
    shown["floor"] = as_written(Floor, virtual.floor)
    shown["manage"], shown["on_drift"] = virtual.manage.value, virtual.on_drift.value
    for key in ("combine", "needed"):
        if getattr(section, key) is not None:
            shown[key] = getattr(section, key)
    shown["realservers"] = [
        {**_destination(one), **{key: value for key, value in timing_of(timing).items() if key not in shared}}
        for one, timing in zip(virtual.destinations, resolved.timings, strict=True)
    ]
    if virtual.sorry is not None:
        shown["sorry"] = {
            **_sorry(virtual.sorry, declared=section.sorry is not None and section.sorry.name is not None),
            "below": as_written(Floor, virtual.sorry_below),
            "hysteresis": as_written(Floor, virtual.sorry_hysteresis),
        }
    if probes:
        shown["probe"] = probes
    return shown


def _key(virtual: VirtualService) -> dict[str, Any]:
    key = virtual.key
    if key.fwmark:
        return {"fwmark": key.fwmark, "family": "inet6" if key.family is Family.INET6 else "inet"}
    return {"vip": key.address, "port": key.port, "protocol": str(key.protocol)}


def _destination(destination: Destination) -> dict[str, Any]:
    settings = destination.settings
    shown: dict[str, Any] = {
        "name": destination.realserver.name,
        "port": destination.key.port,
        "weight": settings.weight,
        "forward": settings.forward.value,
        "on_failure": destination.on_failure.value,
        "upper_threshold": settings.upper_threshold,
        "lower_threshold": settings.lower_threshold,
    }
    return shown | _tunnel(destination) | _policy(destination.policy)


def _policy(policy: Policy) -> dict[str, Any]:
    shown = {
        "initial": policy.initial.value,
        "warn_share": f"{policy.warn_share}%",
        "slow_start": format_duration(policy.slow_start),
    }
    if policy.flap is None:
        return shown
    flap = {
        "forgiven": policy.flap.forgiven,
        "half_life": format_duration(policy.flap.half_life),
        "max_hold": format_duration(policy.flap.max_hold),
    }
    return {**shown, "flap": flap}


def _tunnel(destination: Destination) -> dict[str, Any]:
    tunnel = destination.settings.tunnel
    if tunnel is None:
        return {}
    port = {"port": tunnel.port} if tunnel.port else {}
    return {"tunnel": {"type": tunnel.type.value, **port, "checksum": tunnel.checksum}}


def _sorry(sorry: Destination, *, declared: bool) -> dict[str, Any]:
    return {
        "name" if declared else "address": sorry.realserver.name,
        "port": sorry.key.port,
        "forward": sorry.settings.forward.value,
        "weight": sorry.settings.weight,
        **_tunnel(sorry),
    }


def _probes(resolved: Resolved) -> tuple[list[dict[str, Any]], set[str]]:
    """Return the probes, and which timing every one of them shows because it is the same on all destinations.

    The other timing is shown beside each destination, where it comes from.
    """
    probes, shared = [], set(TIMING)
    for entry in resolved.entry.probes:
        timings = [timing_of(effective(entry, timing)) for timing in resolved.timings]
        same = {key: value for key, value in timings[0].items() if all(one.get(key) == value for one in timings)}
        shared &= same.keys()
        probes.append(probe_of(entry, same))
    return probes, shared
