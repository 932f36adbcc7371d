"""The oracle: a stream of what was done and seen goes in, violations come out. Pure: no clock, no socket, no kernel.

Each destination has a clock that runs while the table is not as the truth demands and lvsmon is able to act; it may not
run longer than the configuration allows:

    dead, in the table        interval x fall + timeout (+ the brake's word when more than half fell)
    healthy, not with its weight   interval x rise + timeout
    changed by somebody else  reconcile_interval

each with `SLACK` for the slow guest on top. What is doubtful (packets are lost) may be either. While lvsmon is
dead, stopped, starved or reloading, nothing is demanded, and the clocks begin anew after it. A dead one may stay
where too few others serve for the floor. Some things may never be, not for one look: a virtual service with a floor
or a sorry server without anybody, a changed foreign entry, a traceback.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from kernel.chaos.history import (
    EVERYWHERE,
    Asked,
    Configured,
    CutOff,
    Ended,
    Event,
    Freed,
    HandBegins,
    HandEnds,
    Harmed,
    Hindered,
    Joined,
    Mended,
    Observed,
    Paused,
    Rules,
    Said,
    Table,
    Tally,
    Truth,
    Violation,
    VirtualRules,
    Weighed,
)

SLACK: Final = 2.5
"""Seconds on top of every promise: programs of the guest take half a second, and several of them start at once."""

STEP: Final = 0.5
"""Seconds between two looks that count at most: a longer gap means that the guest as a whole stood still."""

STALL: Final = 0.3
"""Seconds between two looks that show the guest's one processor to be overrun, as there are ten a second: runs
of probes that were going on may then be UNKNOWN (starved), so the clocks stand still for one timeout.
"""

FIRST_RUNS: Final = 2.0
"""Seconds over which lvsmon spreads the first runs of its probes."""

BRAKE_WORD: Final = 4.0
"""Seconds until a self-test has answered after the brake came on: its interval, timeout and look, and one more."""

CLEAN_FOR: Final = 0.3
"""Seconds for which only healthy ones must have been in before a client's exchange begins: two looks."""

NEIGHBOUR: Final = 1.5
"""Seconds after the director's cable is back in which the kernel may still give up a neighbour: it asks three times, a
second apart (retrans_time_ms), and the last question of one that was looked for before has gone unheard. Its clients
are told "no route to host", whoever is in.
"""

RESIDENT_GROWTH: Final = 24 * 1024
"""Kilobytes that a process may grow by after its first look: buffers of floods, and the allocator's own habits."""

MOST_DESCRIPTORS: Final = 80
"""Two dozen probes at once, state, log, netlink and the loop's own."""

MOST_THREADS: Final = 24

WORST: Final = ("traceback=", "Traceback (most recent", "a bug in")


@dataclass(slots=True)
class _Clock:
    """How long something has been wrong, and how long it may be."""

    wrong: float = 0.0
    allowed: float = 0.0
    settled: bool = False
    """It is right, or was until now."""
    by_hand: bool = False
    """Somebody else has edited the table since it was right."""
    told: bool = False


@dataclass(slots=True)
class _Harm:
    truth: Truth
    where: frozenset[tuple[str, str]]
    ended: float | None = None


@dataclass(slots=True)
class Oracle:
    """Takes events in the order of their times; the first one is `Configured`, when all is well."""

    tally: Tally = field(default_factory=Tally)
    _rules: Rules | None = None
    _clocks: dict[tuple[str, str], _Clock] = field(default_factory=dict)
    _changed: dict[tuple[str, str], float] = field(default_factory=dict)
    """When something was last done about a destination."""
    _harms: dict[int, _Harm] = field(default_factory=dict)
    _hindered: set[int] = field(default_factory=set)
    _paused: bool = False
    _before: Table | None = None
    """The table at the last look of a pause; None where a change since then is nobody's fault."""
    _unsure_until: float = 0.0
    _in_hand: bool = False
    _stripped: set[str] = field(default_factory=set)
    """Virtual services that somebody else, or a configuration that named them first, may have left without anybody."""
    _cut: bool = False
    _joined_at: float = float("-inf")
    _protected: bool = False
    """When the director was cut off, all was well: nobody may be taken out."""
    _foreign: Table = field(default_factory=dict)
    _last: float | None = None
    _starved_at: float = float("-inf")
    _table: Table = field(default_factory=dict)
    _clean_since: dict[str, float] = field(default_factory=dict)
    _first_weight: dict[int, int] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    def take(self, event: Event) -> list[Violation]:
        """Take one event; return what it shows to be wrong."""
        match event:
            case Observed():
                return list(self._observe(event))
            case Asked():
                return list(self._ask(event))
            case Said(at, line):
                return [Violation(at, f"lvsmon's log: {line[:2000]}")] if any(word in line for word in WORST) else []
            case Ended(at, how):
                return [Violation(at, f"lvsmon {how}")]
            case Weighed():
                return list(self._weigh(event))
            case Harmed(at, fault, truth, where):
                self._harms[fault] = _Harm(truth, where)
                self._begin_anew(at, where)
            case Mended(at, fault):
                self._harms[fault].ended = at
                self._begin_anew(at, self._harms[fault].where)
            case Hindered(_, fault):
                self._hindered.add(fault)
            case Paused(_, over):
                self._paused, self._before = not over, None
            case Freed(at, fault, anew):
                self._hindered.discard(fault)
                self._begin_anew(at)
                more = FIRST_RUNS if anew else 0.0
                self._unsure_until = at + more + max(virtual.timeout for virtual in self._virtuals())
            case Configured(at, rules):
                known = {virtual.name for virtual in self._rules.virtuals} if self._rules else set()
                self._rules = rules
                self._stripped |= {virtual.name for virtual in rules.virtuals if virtual.name not in known}
                self._begin_anew(at)
            case CutOff():
                self._cut, self._protected = True, self.all_is_well()
                self._clean_since.clear()
            case Joined(at):
                self._cut, self._joined_at = False, at
                self._begin_anew(at)
                self._unsure_until = at + self._grace()
            case HandBegins():
                self._in_hand = True
                self._clean_since.clear()
                self._before = None
            case HandEnds(_, foreign):
                self._in_hand, self._foreign = False, foreign
                self._stripped |= {virtual.name for virtual in self._virtuals()}
                for clock in self._clocks.values():
                    clock.by_hand = True
        return []

    # What is true and what it demands

    def _virtuals(self) -> tuple[VirtualRules, ...]:
        return self._rules.virtuals if self._rules else ()

    def _grace(self) -> float:
        """Return the seconds that the brake gives every probe to see for itself that all is well again."""
        assert self._rules is not None
        runs = 1 + max(self._rules.rise, self._rules.fall)
        return BRAKE_WORD + max(virtual.interval * runs for virtual in self._virtuals())

    def _truth(self, realserver: str, daemon: str) -> Truth:
        truths = {
            harm.truth
            for harm in self._harms.values()
            if harm.ended is None and {(realserver, daemon), (realserver, EVERYWHERE)} & harm.where
        }
        worst = (Truth.UNWANTED, Truth.DEAD, Truth.DOUBTFUL)
        return next((truth for truth in worst if truth in truths), Truth.HEALTHY)

    def _demand(self, virtual: VirtualRules, realserver: str) -> Truth | None:
        """Return HEALTHY where it must be in, DEAD or UNWANTED where it must be out, None where either will do."""
        truth = self._truth(realserver, virtual.daemon)
        if self._cut:
            return Truth.HEALTHY if self._protected and not self._hindered else None
        if truth is Truth.UNWANTED:
            return truth
        if truth is Truth.DEAD:
            weights = self._table.get(virtual.shown, {})
            others = sum(weights.get(other, 0) > 0 for other in virtual.weights if other != realserver)
            return Truth.DEAD if others >= virtual.floor else None
        return None if truth is Truth.DOUBTFUL else Truth.HEALTHY

    def _is_right(self, virtual: VirtualRules, realserver: str, demand: Truth) -> bool:
        weight = self._table.get(virtual.shown, {}).get(realserver)
        if demand is Truth.HEALTHY:
            return weight == virtual.weights[realserver]
        if demand is Truth.UNWANTED:
            return not weight
        return weight == (0 if virtual.on_failure == "quiesce" else None)

    @property
    def hindered(self) -> bool:
        """Whether lvsmon is known to be dead, stopped, starved or reloading."""
        return bool(self._hindered)

    def all_is_well(self) -> bool:
        """Say whether everybody is healthy and in."""
        return not self._hindered and all(
            self._truth(realserver, virtual.daemon) is Truth.HEALTHY
            and self._is_right(virtual, realserver, Truth.HEALTHY)
            for virtual in self._virtuals()
            for realserver in virtual.weights
        )

    def _crowd(self, now: float) -> bool:
        """Say whether the brake may have come on: two of three realservers fell within its window, or nearly."""
        assert self._rules is not None
        since = now - self._rules.brake_window - 10.0
        hurt = {server for harm in self._harms.values() if (harm.ended or now) >= since for server, _ in harm.where}
        everybody = {server for virtual in self._virtuals() for server in virtual.weights}
        return 2 * len(hurt) > len(everybody)

    def _is_decided(self, virtual: VirtualRules, realserver: str, now: float) -> bool:
        """Say whether lvsmon has long had the time to know: until then runs that began before the last change count."""
        assert self._rules is not None
        since = max(self._changed.get((virtual.name, realserver), 0.0), self._unsure_until)
        return now > since + virtual.interval * max(self._rules.rise, self._rules.fall) + virtual.timeout + SLACK

    def _only_by_hand(self, virtual: VirtualRules, realserver: str, now: float) -> bool:
        """Say whether it was right until somebody else edited the table, and lvsmon has nothing to find out."""
        clock = self._clocks[virtual.name, realserver]
        return clock.settled and clock.by_hand and self._is_decided(virtual, realserver, now)

    def _allowed(self, virtual: VirtualRules, realserver: str, demand: Truth, now: float) -> float:
        assert self._rules is not None
        unsure = max(0.0, self._unsure_until - now)
        if self._only_by_hand(virtual, realserver, now):
            return self._rules.reconcile + SLACK
        times = self._rules.rise if demand is Truth.HEALTHY else self._rules.fall
        word = BRAKE_WORD if demand is Truth.DEAD and self._crowd(now) else 0.0
        return virtual.interval * times + virtual.timeout + SLACK + word + unsure

    def _begin_anew(self, now: float, where: frozenset[tuple[str, str]] | None = None) -> None:
        """Forget how long things have been wrong, where something new has happened."""
        for virtual in self._virtuals():
            for realserver in virtual.weights:
                if where is None or {(realserver, virtual.daemon), (realserver, EVERYWHERE)} & where:
                    self._clocks[virtual.name, realserver] = _Clock()
                    self._changed[virtual.name, realserver] = now
                    self._clean_since.pop(virtual.name, None)

    # What is seen

    def _observe(self, event: Observed) -> Iterator[Violation]:
        gap = 0.0 if self._last is None else event.at - self._last
        step = min(gap, STEP)
        self.tally.stalled += gap - step
        self.tally.observations += 1
        if gap > STALL:
            self._starved_at = event.at
        self._last, self._table = event.at, event.table
        for virtual in self._virtuals():
            starved = event.at - self._starved_at < virtual.timeout
            self.tally.starved += step if starved else 0.0
            for realserver in virtual.weights:
                yield from self._hold(virtual, realserver, event.at, 0.0 if starved else step)
            yield from self._hold_together(virtual, event.at, step)
            self._look_for_clean(virtual, event.at)
        yield from self._hold_foreign(event.at, step)
        yield from self._hold_pause(event)

    def _hold(self, virtual: VirtualRules, realserver: str, now: float, step: float) -> Iterator[Violation]:
        demand = self._demand(virtual, realserver)
        if demand is None:
            self._clocks[virtual.name, realserver] = _Clock()
            return
        clock = self._clocks.setdefault((virtual.name, realserver), _Clock())
        right = self._is_right(virtual, realserver, demand)
        fresh = clock.settled and not clock.wrong and not clock.by_hand
        if not right and fresh and self._is_decided(virtual, realserver, now):
            self.tally.uncalled.append(f"{now:.1f} {virtual.name}/{realserver}")
        weight = self._table.get(virtual.shown, {}).get(realserver)
        shown = "not there" if weight is None else f"weight {weight}"
        kind = "changed by hand" if self._only_by_hand(virtual, realserver, now) else demand.value
        what = f"{virtual.name}: {realserver} is {demand.value}, and {shown}"
        allowed = self._allowed(virtual, realserver, demand, now)
        yield from self._run_clock((virtual.name, realserver), kind, what, right, allowed, now, step)

    def _run_clock(
        self, key: tuple[str, str], kind: str, what: str, right: bool, allowed: float, now: float, step: float
    ) -> Iterator[Violation]:
        clock = self._clocks.setdefault(key, _Clock())
        if right:
            if clock.wrong and not clock.told:
                self.tally.met.setdefault(kind, []).append((clock.wrong, clock.allowed))
            self._clocks[key] = _Clock(settled=True)
        elif self._hindered or self._in_hand:
            clock.wrong = 0.0
            clock.settled = clock.settled and not self._hindered
        else:
            clock.allowed = max(clock.allowed, allowed)
            clock.wrong += step
            if clock.wrong > clock.allowed and not clock.told:
                clock.told = True
                yield Violation(now, f"{what}, for {clock.wrong:.1f} s; {clock.allowed:.1f} s are allowed")

    def _hold_together(self, virtual: VirtualRules, now: float, step: float) -> Iterator[Violation]:
        """Hold the floor and the sorry server: somebody serves, and the sorry server only when nobody else does."""
        assert self._rules is not None
        weights = self._table.get(virtual.shown, {})
        ours = any(weights.get(realserver, 0) > 0 for realserver in virtual.weights)
        sorry = virtual.sorry is not None and weights.get(virtual.sorry, 0) > 0
        unsure = max(0.0, self._unsure_until - now)
        allowed = self._rules.reconcile + SLACK + unsure
        if virtual.floor or virtual.sorry:
            serves = ours or sorry
            if serves:
                self._stripped.discard(virtual.name)
            within = allowed if virtual.name in self._stripped else 0.0
            what = f"{virtual.name}: nobody is in, against its {'floor' if virtual.floor else 'sorry server'}"
            yield from self._run_clock((virtual.name, "anybody"), "somebody serves", what, serves, within, now, step)
        if virtual.sorry is not None:
            what = f"{virtual.name}: its sorry server is in beside others"
            right = not (ours and sorry)
            yield from self._run_clock((virtual.name, "sorry"), "sorry server leaves", what, right, allowed, now, step)

    def _hold_foreign(self, now: float, step: float) -> Iterator[Violation]:
        if self._in_hand:
            return
        for shown, entries in self._foreign.items():
            for address, weight in entries.items():
                seen = self._table.get(shown, {}).get(address)
                what = f"foreign {shown} {address} has weight {weight}, and lvsmon made it {seen}"
                if seen != weight and what not in self._told:
                    self._told.add(what)
                    yield Violation(now, what)
        named = {virtual.shown: set(virtual.weights) | {virtual.sorry} for virtual in self._virtuals()}
        left = [
            f"{shown} {address}"
            for shown, entries in self._table.items()
            for address in entries
            if address not in named.get(shown, set()) | set(self._foreign.get(shown, {}))
        ]
        allowed = SLACK + max(0.0, self._unsure_until - now) + (self._rules.reconcile if self._rules else 0.0)
        yield from self._run_clock(
            ("", "leftover"), "dropped entries leave", f"left over: {', '.join(left)}", not left, allowed, now, step
        )

    def _hold_pause(self, event: Observed) -> Iterator[Violation]:
        if self._paused and self._before not in (None, event.table):
            yield Violation(event.at, "the table changed while lvsmon was paused")
        self._before = event.table if self._paused and not self._in_hand else None

    def _look_for_clean(self, virtual: VirtualRules, now: float) -> None:
        weights = self._table.get(virtual.shown, {})
        serving = [name for name, weight in weights.items() if weight > 0]
        healthy = all(
            name in virtual.weights and self._truth(name, virtual.daemon) is Truth.HEALTHY for name in serving
        )
        heard = not self._cut and now > self._joined_at + NEIGHBOUR
        if serving and healthy and not self._in_hand and heard:
            self._clean_since.setdefault(virtual.name, now)
        else:
            self._clean_since.pop(virtual.name, None)

    def _ask(self, event: Asked) -> Iterator[Violation]:
        counted = self.tally.answers if event.answered else self.tally.troubles
        counted[event.virtual] = counted.get(event.virtual, 0) + 1
        since = self._clean_since.get(event.virtual)
        slow_guest = event.answered is None and self._starved_at >= event.began
        if since is None or event.began < since + CLEAN_FOR or slow_guest:
            return
        self.tally.clean += 1
        if event.answered is None:
            yield Violation(
                event.at, f"{event.virtual}: a client failed while only healthy ones were in: {event.trouble}"
            )

    def _weigh(self, event: Weighed) -> Iterator[Violation]:
        heaviest = self.tally.heaviest
        limits = {
            "resident kB": (event.resident, self._first_weight.setdefault(event.pid, event.resident) + RESIDENT_GROWTH),
            "descriptors": (event.descriptors, MOST_DESCRIPTORS),
            "threads": (event.threads, MOST_THREADS),
        }
        for name, (now, limit) in limits.items():
            heaviest[name] = max(heaviest.get(name, 0), now)
            what = f"lvsmon {event.pid} takes more {name} than {limit}"
            if now > limit and what not in self._told:
                self._told.add(what)
                yield Violation(event.at, f"{what}: {now}")
