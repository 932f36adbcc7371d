"""A look from beginning to end, on real loopback sockets and the table in memory."""

import socket
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lvsmon.actions.ipvs.base import Command, Ipvs
from lvsmon.actions.ipvs.memory import MemoryIpvs
from lvsmon.actions.ipvs.owned import Owned
from lvsmon.config.plan import Plan
from lvsmon.errors import IpvsError, IpvsUnavailable, LockHeld, StateError
from lvsmon.model import Amount, Health, OnFailure, ProbeState, Protocol, VirtualKey, Wish, WishKind
from lvsmon.oneshot.job import Request, look
from lvsmon.oneshot.report import Mode, Report, exit_code, explain
from lvsmon.store import Lock, Store
from oneshot_support import VIP, destination, in_kernel, listening, plan, refusing, spec, virtual


def made(request: Request, table: MemoryIpvs) -> Report:
    return look(request, lambda: table)


def weights(table: Ipvs, key: VirtualKey = VIP) -> list[int]:
    entry = table.get(key)
    assert entry is not None
    return [each.settings.weight for _, each in sorted(entry.destinations.items())]


def one_server(port: int, directory: Path, **settings: OnFailure) -> Plan:
    probe = spec("127.0.0.1", port)
    return plan([virtual("shop", [destination("rs1", probe, weight=5, **settings)])], [probe], directory)


def test_the_weight_falls_exactly_at_fall_and_rises_exactly_at_rise(tmp_path: Path) -> None:
    """Runs from cron count as the daemon would: three failures in a row, two passes in a row."""
    with listening() as server:
        found = one_server(server.getsockname()[1], tmp_path)
        table = MemoryIpvs(in_kernel(found.virtuals[0], [5]))
        request = Request(plan=found, mode=Mode.APPLY)
        up = [exit_code(made(request, table)) for _ in range(2)]
        assert (up, weights(table), table.written) == ([0, 0], [5], [])
        port = server.getsockname()[1]
    history = []
    for _ in range(4):
        report = made(request, table)
        history.append((exit_code(report), report.count(Health.DOWN), *weights(table)))
    assert history == [(1, 1, 5), (1, 1, 5), (1, 1, 0), (1, 1, 0)]
    with socket.create_server(("127.0.0.1", port)):
        back = [(exit_code(made(request, table)), *weights(table)) for _ in range(3)]
    assert back == [(1, 0), (0, 5), (0, 5)]
    assert len(table.written) == 2


def test_whoever_was_held_out_comes_back_by_a_pass_of_the_look_itself(tmp_path: Path) -> None:
    """Its counters still say UP from before, and a first failure does not change that."""
    wish = Wish(name="disk", kind=WishKind.DISABLE, realserver="rs1")
    with listening() as server:
        port = server.getsockname()[1]
        found = one_server(port, tmp_path)
        table = MemoryIpvs(in_kernel(found.virtuals[0], [5]))
        request = Request(plan=found, mode=Mode.APPLY)
        for _ in range(2):
            made(request, table)
        with Store.open(tmp_path) as store:
            store.save_wishes((wish,))
        made(request, table)
        assert weights(table) == [0]
    with Store.open(tmp_path) as store:
        store.save_wishes(())
    made(request, table)
    assert weights(table) == [0]
    with socket.create_server(("127.0.0.1", port)):
        made(request, table)
    assert weights(table) == [5]


def test_a_failing_destination_is_removed_where_that_is_wished_for(tmp_path: Path) -> None:
    """on_failure = "remove": out of the table at fall, also where an earlier hand put it there."""
    with refusing() as port:
        found = one_server(port, tmp_path, on_failure=OnFailure.REMOVE)
        table = MemoryIpvs(in_kernel(found.virtuals[0], [5]))
        seen = []
        for _ in range(3):
            made(Request(plan=found, mode=Mode.APPLY), table)
            seen.append(weights(table))
    assert seen == [[5], [5], []]


@pytest.mark.parametrize("mode", [Mode.LOOK, Mode.DRY_RUN])
def test_a_look_writes_nothing_anywhere(tmp_path: Path, mode: Mode) -> None:
    """Neither kernel nor state nor directory: however often, and with a change that is due."""
    with refusing() as port:
        found = one_server(port, tmp_path / "state")
        table = MemoryIpvs(in_kernel(found.virtuals[0], [1]))
        reports = [made(Request(plan=found, mode=mode), table) for _ in range(4)]
    assert (table.written, weights(table), list(tmp_path.iterdir())) == ([], [1], [])
    assert {exit_code(report) for report in reports} == {1}


def test_a_dry_run_names_what_apply_then_does(tmp_path: Path) -> None:
    """The plan that is printed and what is carried out are the same commands."""
    with refusing() as port:
        found = one_server(port, tmp_path)
        table = MemoryIpvs(in_kernel(found.virtuals[0], [5]))
        for _ in range(2):
            made(Request(plan=found, mode=Mode.APPLY), table)
        planned = made(Request(plan=found, mode=Mode.DRY_RUN), table)
        done = made(Request(plan=found, mode=Mode.APPLY), table)
    command = f"ipvsadm -e -t 192.0.2.10:80 -r 127.0.0.1:{port} -m -w 0"
    assert [change.command for change in planned.changes] == [command]
    assert [change.command for change in done.changes] == [command]
    row = planned.destinations[0]
    assert (row.before, row.after) == (5, 0)


def test_what_the_configuration_drops_is_deleted_and_what_others_added_stays(tmp_path: Path) -> None:
    """Only what lvsmon put there is taken away, also runs later and in another process' words."""
    with listening() as server:
        probe = spec("127.0.0.1", server.getsockname()[1])
        other_key = VirtualKey.of_address(Protocol.TCP, "192.0.2.11", 80)
        first, second = (
            virtual("a", [destination("rs1", probe)]),
            virtual("b", [destination("rs1", probe)], key=other_key),
        )
        foreign_key = VirtualKey.of_address(Protocol.UDP, "192.0.2.99", 53)
        table = MemoryIpvs({foreign_key: replace(in_kernel(first, [1])[VIP], destinations={})})
        made(Request(plan=plan([first, second], [probe], tmp_path), mode=Mode.APPLY), table)
        assert table.dump().keys() == {VIP, other_key, foreign_key}
        report = made(Request(plan=plan([first], [probe], tmp_path), mode=Mode.APPLY), table)
    assert table.dump().keys() == {VIP, foreign_key}
    assert report.foreign == (str(foreign_key),)


def two_services(ports: Sequence[int], directory: Path) -> Plan:
    specs = [spec("127.0.0.1", port, fall=1, rise=1) for port in ports]
    other_key = VirtualKey.of_address(Protocol.TCP, "192.0.2.11", 80)
    return plan(
        [virtual("a", [destination("rs1", specs[0])]), virtual("b", [destination("rs2", specs[1])], key=other_key)],
        specs,
        directory,
    )


@pytest.mark.parametrize("name", ["b", "rs2"])
def test_a_selection_probes_and_writes_nothing_else(tmp_path: Path, name: str) -> None:
    """By the name of a virtual service or of a realserver: the rest keeps its weights, its counters and its owner."""
    with refusing() as port, refusing() as other:
        found = two_services([port, other], tmp_path)
        table = MemoryIpvs({**in_kernel(found.virtuals[0], [1]), **in_kernel(found.virtuals[1], [1])})
        made(Request(plan=found, mode=Mode.APPLY, names=[name]), table)
        report = made(Request(plan=found, mode=Mode.APPLY, names=[name]), table)
    assert [view.virtual.name for view in report.virtuals] == ["b"]
    assert weights(table) == [1]
    assert weights(table, found.virtuals[1].key) == [0]
    with Store.read(tmp_path) as store:
        assert {state.health for state in store.load_states().values()} == {Health.DOWN, Health.UNKNOWN}
        assert store.load_owned() == Owned().including(found.virtuals)


def test_without_a_kernel_table_the_look_is_still_made(tmp_path: Path) -> None:
    """Health is told, weights are unknown; what was to be written is a failure, and the counters go on."""
    with listening() as server:
        found = one_server(server.getsockname()[1], tmp_path)
        table = MemoryIpvs()
        table.unavailable = 1
        report = made(Request(plan=found), table)
        assert (report.count(Health.UP), exit_code(report)) == (1, 0)
        assert report.table_error
        for _ in range(2):
            report = made(Request(plan=found, mode=Mode.APPLY), table)
        assert exit_code(report) == 3
        assert report.failure
    with Store.read(tmp_path) as store:
        assert [state.health for state in store.load_states().values()] == [Health.UP]


def test_an_unreachable_table_may_show_at_opening_too(tmp_path: Path) -> None:
    """Whether opening or reading fails makes no difference."""

    def opening() -> Ipvs:
        raise IpvsUnavailable(2, "", "no IPVS here: modprobe ip_vs")

    with listening() as server:
        report = look(Request(plan=one_server(server.getsockname()[1], tmp_path)), opening)
    assert report.table_error == "no IPVS here: modprobe ip_vs"


def test_a_refused_command_is_reported(tmp_path: Path) -> None:
    """What the kernel would not do is a failure of the run, with the kernel's reason."""
    with listening() as server:
        found = one_server(server.getsockname()[1], tmp_path)
        table = MemoryIpvs()
        table.refuse(12, lambda _: True, times=99)
        report = made(Request(plan=found, mode=Mode.APPLY), table)
    assert exit_code(report) == 3
    assert report.failed_changes


def test_a_new_virtual_service_opens_only_when_its_realserver_has_risen(tmp_path: Path) -> None:
    """Unknown health and no entry in the kernel: quiesced until rise passes were seen (trap 15)."""
    with listening() as server:
        found = one_server(server.getsockname()[1], tmp_path)
        table = MemoryIpvs()
        seen = []
        for _ in range(2):
            made(Request(plan=found, mode=Mode.APPLY), table)
            seen.append(weights(table))
    assert seen == [[0], [5]]


def test_another_writer_refuses_the_run_before_it_probes(tmp_path: Path) -> None:
    """Under somebody else's lock nothing is probed or written; a look needs no lock."""
    with listening() as server:
        server.setblocking(False)
        found = one_server(server.getsockname()[1], tmp_path)
        table = MemoryIpvs()
        with Lock.acquire(tmp_path, "daemon"):
            with pytest.raises(LockHeld, match="lvsmon daemon"):
                made(Request(plan=found, mode=Mode.APPLY), table)
            with pytest.raises(BlockingIOError):
                server.accept()
            assert exit_code(made(Request(plan=found), table)) == 0
        server.accept()[0].close()
    assert table.written == []


def test_an_unusable_state_stops_apply_and_only_annotates_a_look(tmp_path: Path) -> None:
    """Without counters `fall` would never be reached: writing is refused; looking goes on and says so."""
    (tmp_path / "file").write_text("")
    with listening() as server:
        found = one_server(server.getsockname()[1], tmp_path / "file" / "state")
        table = MemoryIpvs()
        with pytest.raises(StateError):
            made(Request(plan=found, mode=Mode.APPLY), table)
    (tmp_path / "state.db").mkdir()
    with listening() as server:
        report = made(Request(plan=one_server(server.getsockname()[1], tmp_path)), MemoryIpvs())
    assert exit_code(report) == 0
    assert "counters of earlier runs are not known" in report.notes[0]
    assert table.written == []


def test_probes_that_the_deadline_cuts_off_are_unknown(tmp_path: Path) -> None:
    """Our time was short: that is no failure of theirs, and no step towards down."""
    with listening() as server:
        server.listen(0)
        filled = []
        for _ in range(4):  # a full backlog: the next handshake gets no answer
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(server.getsockname())
            filled.append(client)
        found = one_server(server.getsockname()[1], tmp_path)
        report = made(Request(plan=found, mode=Mode.APPLY, deadline=0.05), MemoryIpvs())
        for client in filled:
            client.close()
    (row,) = report.destinations
    assert (row.status, exit_code(report)) == (Health.UNKNOWN, 3)
    assert "not run in time" in row.probes[0].outcome.detail
    assert row.probes[0].state.fails == 0


def test_a_realserver_that_is_still_out_is_not_up_at_its_first_pass(tmp_path: Path) -> None:
    """Status says what clients get: out until rise is reached, with the count."""
    with listening() as server:
        found = one_server(server.getsockname()[1], tmp_path)
        (name,) = found.probes
        with Store.open(tmp_path) as store:
            store.save_states({name: ProbeState(Health.DOWN, fails=3)})
        report = made(Request(plan=found), MemoryIpvs(in_kernel(found.virtuals[0], [0])))
    assert report.destinations[0].status is Health.DOWN
    assert report.destinations[0].probes[0].state.passes == 1


def test_a_shared_probe_is_run_once(tmp_path: Path) -> None:
    """Two virtual services with the same realserver and probe: one connection."""
    with listening() as server:
        server.setblocking(False)
        probe = spec("127.0.0.1", server.getsockname()[1])
        services = [
            virtual("a", [destination("rs1", probe)]),
            virtual("b", [destination("rs1", probe)], key=VirtualKey.of_fwmark(7, VIP.family)),
        ]
        report = made(Request(plan=plan(services, [probe], tmp_path)), MemoryIpvs())
        server.accept()[0].close()
        with pytest.raises(BlockingIOError):
            server.accept()
    assert report.count(Health.UP) == 2


def test_ipv6_realservers_are_probed(tmp_path: Path) -> None:
    """The same on the other family."""
    key = VirtualKey.of_address(Protocol.TCP, "2001:db8::10", 80)
    with listening("::1") as server:
        probe = spec("::1", server.getsockname()[1])
        service = virtual("six", [destination("rs1", probe)], key=key)
        report = made(Request(plan=plan([service], [probe], tmp_path)), MemoryIpvs())
    assert report.count(Health.UP) == 1


def test_a_sorry_server_is_shown_when_it_comes_in(tmp_path: Path) -> None:
    """The last realserver out, the sorry server in, and the table says so."""
    with refusing() as port:
        probe = spec("127.0.0.1", port, fall=1)
        sorry = replace(destination("sorry", spec("127.0.0.9", 80)), probes=())
        service = replace(virtual("shop", [destination("rs1", probe)]), sorry=sorry)
        found = plan([service], [probe], tmp_path)
        table = MemoryIpvs(in_kernel(virtual("shop", [destination("rs1", probe)]), [1]))
        report = made(Request(plan=found, mode=Mode.APPLY), table)
    shown = report.virtuals[0].sorry
    assert shown is not None
    assert (shown.before, shown.after) == (None, 1)


class Killed(BaseException):
    """Stands for an end that no handler sees."""


def test_what_was_decided_is_saved_before_the_kernel_is_written(tmp_path: Path) -> None:
    """An end in the middle of the write: counters are kept, and what may be in the kernel is known to be ours."""

    class Deadly(MemoryIpvs):
        def apply(self, commands: Sequence[Command]) -> list[IpvsError | None]:
            super().apply(commands[:1])
            raise Killed

    with listening() as server:
        found = one_server(server.getsockname()[1], tmp_path)
        table = Deadly()
        with pytest.raises(Killed):
            made(Request(plan=found, mode=Mode.APPLY), table)
    with Store.read(tmp_path) as store:
        assert [state.passes for state in store.load_states().values()] == [1]
        assert store.load_owned() == Owned().including(found.virtuals)
    emptied = made(Request(plan=plan([], [], tmp_path), mode=Mode.APPLY), healed := MemoryIpvs(table.dump()))
    assert ([change.command for change in emptied.changes], healed.dump()) == (["ipvsadm -D -t 192.0.2.10:80"], {})


def test_probes_that_are_no_longer_configured_are_forgotten(tmp_path: Path) -> None:
    """The state file does not grow with every change of the configuration."""
    for port in (1, 2):
        made(Request(plan=one_server(port, tmp_path), mode=Mode.APPLY), MemoryIpvs())
    with Store.read(tmp_path) as store:
        assert store.load_states().keys() == {"tcp 127.0.0.1:2"}


def test_what_overrules_the_probes_is_told_with_its_reason(tmp_path: Path) -> None:
    """The floor keeps in who fails; a look says so beside what it saw, and as a note."""
    with refusing() as port:
        probe = spec("127.0.0.1", port, fall=1)
        service = replace(virtual("shop", [destination("rs1", probe, weight=5)]), floor=Amount(1))
        found = plan([service], [probe], tmp_path)
        table = MemoryIpvs(in_kernel(service, [5]))
        report = made(Request(plan=found, mode=Mode.APPLY), table)
    (view,) = report.destinations
    assert (view.status, view.before, view.after) == (Health.DOWN, 5, 5)
    assert explain(view)[0] == "too few serve (floor = 1): DOWN is ignored, weight 5"
    assert [note for note in report.notes if note.startswith("floor: ")]
    assert exit_code(report) == 1
