"""The only writer of the IPVS table: reads, lets the caller say what is desired, mends what differs."""

import errno
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from lvsmon.actions.ipvs.base import AddVirtual, Command, DeleteVirtual, EditVirtual, Ipvs
from lvsmon.actions.ipvs.failures import look_again
from lvsmon.actions.ipvs.notation import ipvsadm
from lvsmon.actions.ipvs.refusals import Refusals
from lvsmon.actions.ipvs.table import Difference, Drift, Foreign, Owned, after, diff, serves
from lvsmon.errors import IpvsError
from lvsmon.model import Table, VirtualEntry, VirtualKey

ROUNDS: Final = 4
"""How often one reconcile looks at a table that others change under it; the next reconcile goes on from there."""

Wish = Callable[[Table], Table]
"""From the observed table to the desired one; asked again whenever the table had to be looked at again."""


@dataclass(frozen=True, slots=True)
class Report:
    """What one reconcile did.

    ``drift`` is what somebody else changed since the last reconcile of this Reconciler in what lvsmon owns; the first
    one has nothing to compare with. ``observed`` is the table as it is now; ``owned`` is to be kept for the next time.
    """

    written: tuple[Command, ...]
    refused: tuple[tuple[Command, IpvsError], ...]
    foreign: tuple[Foreign, ...]
    drift: tuple[Drift, ...]
    observed: Table
    owned: Owned
    held: tuple[Command, ...] = ()
    """What would have been written, were writing not held back."""


@dataclass(slots=True)
class _Work:
    """What came of the commands so far.

    ``stale`` holds what was refused in this round only because the table was not what it was thought to be, and
    ``doubtful`` the virtual services of these, to be looked at again.
    """

    observed: Table
    written: list[Command] = field(default_factory=list)
    refused: dict[Command, IpvsError] = field(default_factory=dict)
    stale: dict[Command, IpvsError] = field(default_factory=dict)
    doubtful: set[VirtualKey] = field(default_factory=set)


class Reconciler:
    """Brings the kernel's table to what is desired. One thread at a time."""

    def __init__(self, ipvs: Ipvs, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` tells when a refused command is tried again (`Refusals`)."""
        self._ipvs = ipvs
        self._refusals = Refusals(clock)
        self._left: Table | None = None

    def plan(self, wish: Wish, owned: Owned) -> Difference:
        """Return what `reconcile` would do, and write nothing. May raise `IpvsUnavailable`."""
        observed = self._observe(owned)
        return diff(wish(observed), observed, owned)

    def hold(self, wish: Wish, owned: Owned) -> Report:
        """Look and compare like `reconcile`, and write nothing: the report's ``held`` says what that leaves undone."""
        observed = self._observe(owned)
        difference = diff(wish(observed), observed, owned)
        return Report(
            written=(),
            refused=(),
            foreign=tuple(sorted(difference.foreign)),
            drift=(),
            observed=observed,
            owned=owned,
            held=tuple(difference.commands),
        )

    def reconcile(self, wish: Wish, owned: Owned) -> Report:
        """Read, compare, write; where nothing differs, write nothing.

        Commands that the kernel refuses are in the report. The only error is `IpvsUnavailable`; what ``wish`` raises
        comes through before anything is written.
        """
        observed = self._observe(owned)
        drift = diff(self._left, _only(observed, self._left), owned).drift if self._left is not None else []
        work = _Work(observed, refused=self._refusals.waiting())
        wished: set[Command] = set()
        for _ in range(ROUNDS):
            desired = wish(work.observed)
            difference = diff(desired, work.observed, owned)
            wished |= {*difference.commands}
            work.stale.clear()
            work.doubtful.clear()
            self._mend(work, difference, desired)
            if not work.doubtful:
                break
            work.observed = self._look(work.observed, work.doubtful)
        refused = {command: error for command, error in work.refused.items() if command in wished}
        self._refusals.take({c: error for c, error in refused.items() if error.errno != errno.ECANCELED}, wished)
        owned_now = owned.after(desired, work.observed)
        self._left = _concern(work.observed, desired, owned_now)
        return Report(
            written=tuple(work.written),
            refused=(*refused.items(), *work.stale.items()),
            foreign=tuple(sorted(difference.foreign)),
            drift=tuple(drift),
            observed=work.observed,
            owned=owned_now,
        )

    def _observe(self, owned: Owned) -> Table:
        """Dump, and look a second time at what is owned and not there: a dump misses entries while others delete."""
        observed = self._ipvs.dump(counters=False)
        missing = [
            key
            for key, destinations in owned.entries.items()
            if key not in observed or not destinations <= observed[key].destinations.keys()
        ]
        return self._look(observed, missing)

    def _look(self, observed: Table, keys: Iterable[VirtualKey]) -> Table:
        """Return ``observed`` with ``keys`` read anew."""
        looked = dict(observed)
        for key in keys:
            entry = self._ipvs.get(key)
            if entry is None:
                looked.pop(key, None)
            else:
                looked[key] = entry
        return looked

    def _mend(self, work: _Work, difference: Difference, desired: Table) -> None:
        """Carry out what opens, then what closes, in each virtual service where the opening leaves somebody serving."""
        final = set(work.refused)  # refused for good: the same command would be refused again
        opening = [command for command in difference.opening if command not in final]
        refused = self._write(work, [command for command in opening if not _in_refused_virtual(command, final)])
        refused |= {_virtual(command) for command in difference.opening if command in final}
        closing = [command for command in difference.closing if command not in final]
        held = _held(work, closing, desired, refused)
        self._write(work, [command for command in closing if _virtual(command) not in held])
        for command in closing:
            if _virtual(command) in held - work.doubtful:
                message = f"held back: it would leave {_virtual(command)} without a serving destination"
                work.refused[command] = IpvsError(errno.ECANCELED, ipvsadm(command), message)

    def _write(self, work: _Work, commands: Sequence[Command]) -> set[VirtualKey]:
        """Carry ``commands`` out; return the virtual services where one of them was refused."""
        if not commands:
            return set()
        done: list[Command] = []
        refused: set[VirtualKey] = set()
        without: set[VirtualKey] = set()  # their AddVirtual was refused, so everything in them is, and says nothing new
        for command, error in zip(commands, self._ipvs.apply(commands), strict=True):
            key = _virtual(command)
            if error is None:
                done.append(command)
                continue
            refused.add(key)
            if look_again(error, command) and key not in without:
                work.stale[command] = error
                work.doubtful.add(key)
            elif key not in without:
                work.refused[command] = error
            if isinstance(command, AddVirtual):
                without.add(key)
        work.written += done
        work.observed = after(work.observed, done)
        return refused


def _held(work: _Work, closing: Sequence[Command], desired: Table, refused: set[VirtualKey]) -> set[VirtualKey]:
    """Return the virtual services whose closing has to wait: an opening there was refused, and closing now would leave
    nobody serving where the plan was to have somebody.
    """
    held = set()
    for key in refused:
        mine = [command for command in closing if _virtual(command) == key]
        left = after(work.observed, mine).get(key)
        if serves(desired.get(key)) and serves(work.observed.get(key)) and not serves(left):
            held.add(key)
    return held


def _in_refused_virtual(command: Command, final: set[Command]) -> bool:
    key = _virtual(command)
    return not isinstance(command, AddVirtual) and any(
        isinstance(refused, AddVirtual) and refused.key == key for refused in final
    )


def _virtual(command: Command) -> VirtualKey:
    return command.key if isinstance(command, AddVirtual | EditVirtual | DeleteVirtual) else command.virtual


def _concern(table: Table, desired: Table, owned: Owned) -> dict[VirtualKey, VirtualEntry]:
    """Return the part of ``table`` that is owned or desired."""
    return {
        key: replace(
            entry,
            destinations={
                to: at
                for to, at in entry.destinations.items()
                if owned.has(key, to) or (key in desired and to in desired[key].destinations)
            },
        )
        for key, entry in table.items()
        if owned.has(key) or key in desired
    }


def _only(observed: Table, left: Table) -> Table:
    """Return what of ``observed`` lvsmon left there last time: anything else is foreign, not drift."""
    return {
        key: replace(
            entry, destinations={to: at for to, at in entry.destinations.items() if to in left[key].destinations}
        )
        for key, entry in observed.items()
        if key in left
    }
