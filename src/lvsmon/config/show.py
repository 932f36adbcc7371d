"""The effective configuration as a document: every default filled in, secrets hidden, loadable again without them.

Values that a file writes for a probe stay as they are written; the rest is written from the plan.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lvsmon.config.cascade import TIMING, Layer, Level, layer, timeout_of
from lvsmon.config.entries import ProbeEntry
from lvsmon.config.kinds import as_written
from lvsmon.config.loading import Loaded, Resolved
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
            "state_directory": str(plan.state_directory),
            "log_level": plan.log_level,
        },
        "realserver": [{"name": one.name, "address": one.address} for _, one in loaded.sections.realservers],
        "virtual": [_virtual(one) for one in loaded.resolved],
    }


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
    shown["floor"] = as_written(Floor, virtual.floor)
    for key in ("combine", "needed"):
        if getattr(section, key) is not None:
            shown[key] = getattr(section, key)
    shown["realservers"] = [
        {**_destination(one), **{key: value for key, value in _timing(timing).items() if key not in shared}}
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
        own = layer(entry.section, Level.PROBE, entry.where)
        timings = [_timing({**timing, **own}) for timing in resolved.timings]
        same = {key: value for key, value in timings[0].items() if all(one.get(key) == value for one in timings)}
        shared &= same.keys()
        probes.append(_probe(entry, same))
    return probes, shared


def _timing(settings: Layer) -> dict[str, Any]:
    timeout = timeout_of(settings["interval"], settings["timeout"])
    shown = {
        "interval": format_duration(settings["interval"].value),
        "timeout": format_duration(timeout),
        "rise": settings["rise"].value,
        "fall": settings["fall"].value,
    }
    paces = {key: settings[key].value for key in ("fast_interval", "down_interval")}
    return shown | {key: format_duration(value) for key, value in paces.items() if value is not None}


def _probe(entry: ProbeEntry, timing: Mapping[str, Any]) -> dict[str, Any]:
    section, kind = entry.section, entry.kind
    raw: Mapping[str, Any] = _raw(entry)
    shown: dict[str, Any] = {"kind": kind.name}
    if section.port is not None:
        shown["port"] = section.port
    if section.votes is not None:
        shown["votes"] = section.votes
    shown |= timing
    for key in kind.settings:
        if key in kind.secrets:
            shown |= _secret(entry, key, raw)
        elif key in raw:
            shown[key] = raw[key]
        elif (default := kind.default_of(key)) is not None:
            shown[key] = default
    return shown


def _secret(entry: ProbeEntry, key: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return where a secret comes from, and stars for one that is written in place."""
    if key in raw:
        return {key: "********"}
    if key + "_env" in raw:
        return {key + "_env": raw[key + "_env"]}
    if key + "_file" in raw:
        folder = Path(entry.where.source.path).parent.absolute()
        return {key + "_file": str(folder / raw[key + "_file"])}
    return {}


def _raw(entry: ProbeEntry) -> Mapping[str, Any]:
    found: Any = entry.where.source.data
    for key in entry.where.path:
        found = found[key]
    raw: Mapping[str, Any] = found
    return raw
