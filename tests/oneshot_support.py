"""Plans and tables written by hand, and listeners on loopback."""

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from lvsmon.config.plan import Backend, Plan
from lvsmon.model import (
    Damping,
    Destination,
    DestinationEntry,
    DestinationKey,
    DestinationSettings,
    Health,
    OnFailure,
    Outcome,
    Phases,
    ProbeState,
    Protocol,
    RealServer,
    Reason,
    Target,
    Verdict,
    VirtualEntry,
    VirtualKey,
    VirtualService,
    VirtualSettings,
)
from lvsmon.oneshot.report import DestinationView, Mode, ProbeView, Report, VirtualView
from lvsmon.probes.base import ProbeSpec
from lvsmon.probes.tcp import TcpProbe

VIP = VirtualKey.of_address(Protocol.TCP, "192.0.2.10", 80)


def spec(address: str, port: int, *, timeout: float = 2.0, rise: int = 2, fall: int = 3) -> ProbeSpec:
    return ProbeSpec(
        id=f"tcp {address}:{port}",
        probe=TcpProbe(),
        target=Target(address=address, port=port),
        interval=1.0,
        timeout=timeout,
        damping=Damping(rise=rise, fall=fall),
    )


def destination(
    name: str, probe: ProbeSpec, *, weight: int = 1, on_failure: OnFailure = OnFailure.QUIESCE
) -> Destination:
    return Destination(
        realserver=RealServer(name, probe.target.address),
        key=DestinationKey(probe.target.address, probe.target.port),
        settings=DestinationSettings(weight=weight),
        on_failure=on_failure,
        probes=(probe.id,),
    )


def virtual(name: str, destinations: Sequence[Destination], *, key: VirtualKey = VIP) -> VirtualService:
    return VirtualService(name=name, key=key, settings=VirtualSettings(), destinations=tuple(destinations))


def plan(virtuals: Sequence[VirtualService], specs: Sequence[ProbeSpec], directory: Path) -> Plan:
    return Plan(
        virtuals=tuple(virtuals),
        probes={each.id: each for each in specs},
        backend=Backend.MEMORY,
        state_directory=directory,
    )


def in_kernel(service: VirtualService, weights: Sequence[int]) -> dict[VirtualKey, VirtualEntry]:
    """Return a table in which ``service`` has its destinations with ``weights``."""
    pairs = zip(service.destinations, weights, strict=True)
    entries = {each.key: DestinationEntry(replace(each.settings, weight=weight)) for each, weight in pairs}
    return {service.key: VirtualEntry(service.settings, entries)}


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be nobody for a while, where the tests are run by root, whom permissions do not stop."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@contextmanager
def listening(address: str = "127.0.0.1") -> Iterator[socket.socket]:
    """A port that accepts; the kernel completes the handshakes of its backlog by itself."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.bind((address, 0))
        sock.listen(64)
        yield sock


@contextmanager
def refusing(address: str = "127.0.0.1") -> Iterator[int]:
    """A port that is taken, so that nobody else gets it, and does not listen."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind((address, 0))
        yield sock.getsockname()[1]


def outcome(verdict: Verdict = Verdict.PASS, detail: str = "connected", total: float = 0.012) -> Outcome:
    reason = {"PASS": Reason.OK, "WARN": Reason.DEGRADED, "FAIL": Reason.REFUSED}.get(verdict, Reason.LOCAL_RESOURCES)
    return Outcome(verdict=verdict, reason=reason, detail=detail, phases=Phases(total=total))


def seen(
    name: str,
    address: str,
    status: Health,
    detail: str = "connected",
    *,
    weights: tuple[int | None, int | None] = (1, 1),
) -> DestinationView:
    """One destination as a report shows it, health already decided."""
    probe = spec(address, 80)
    verdict = {
        Health.UP: Verdict.PASS,
        Health.WARN: Verdict.WARN,
        Health.DOWN: Verdict.FAIL,
        Health.UNKNOWN: Verdict.UNKNOWN,
    }[status]
    found = outcome(verdict, detail)
    state = ProbeState(health=status, passes=2 if status.serves else 0, fails=3 if status is Health.DOWN else 0)
    return DestinationView(
        destination=destination(name, probe),
        status=status,
        health=status,
        probes=(ProbeView(probe, found, state),),
        before=weights[0],
        after=weights[1],
    )


def report(*views: DestinationView, name: str = "shop", mode: Mode = Mode.LOOK, **more: object) -> Report:
    service = virtual(name, [view.destination for view in views])
    return Report(mode=mode, virtuals=(VirtualView(service, views),), at=1_700_000_000.0, took=0.02, **more)  # type: ignore[arg-type]
