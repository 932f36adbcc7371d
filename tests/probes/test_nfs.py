"""nfs: versions told apart, exports held against the list, helpers found by the portmapper; hostile servers."""

import asyncio

import pytest

from lvsmon.model import Reason, Target, Verdict
from lvsmon.monitor.runner import run
from lvsmon.net.nested import in_reactor
from lvsmon.probes.nfs import NfsProbe
from lvsmon.wire import rpc
from probes.rpcserver import Server, accepted, asked, denied, outcome_of, portmapper, record, text, words

NFS, MOUNTD, LOCKS, STATUS = 100003, 100005, 100021, 100024
EXPORTS = words(1) + text(b"/srv/a") + words(1) + text(b"*") + words(0, 1) + text(b"/srv/b/") + words(0, 0)


def server(*versions, minors=(0, 1), exports=EXPORTS, programs=(MOUNTD, LOCKS, STATUS)):
    """Return an answer function of an NFS server with everything on one port."""

    def answer(call):
        program, version, procedure = asked(call)
        if program == NFS:
            if version not in versions:
                return accepted(call, 2, words(min(versions), max(versions)))
            if procedure == 1 and version == 4:
                minor = int.from_bytes(call[44:48], "big")
                return accepted(call, 0, words(0 if minor in minors else 10021) + text(b"") + words(0))
            return accepted(call)
        if program not in programs:
            return accepted(call, 1)
        return accepted(call, 0, exports if (program, procedure) == (MOUNTD, 5) else b"")

    return answer


def both(answer):
    """Return ``answer`` for TCP and for UDP."""
    return lambda call: [record(answer(call))], lambda call: [answer(call)]


def judge(probe, answer, address="127.0.0.1"):
    over_tcp, over_udp = both(answer)
    return outcome_of(probe, tcp=over_tcp, udp=over_udp, address=address)[0]


REJECTED, PASS = (Verdict.FAIL, Reason.REJECTED), (Verdict.PASS, Reason.OK)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize(
    ("settings", "served", "wanted", "says"),
    [
        ({}, (3, 4), PASS, "version 4"),
        ({}, (3,), PASS, "version 3"),
        ({}, (4,), PASS, "version 4"),
        ({}, (2,), REJECTED, "version 3 is not served, only 2"),
        ({"over": "udp"}, (2, 3), PASS, "version 3"),
        ({"versions": ("3", "4")}, (3, 4), PASS, "version 3 and 4"),
        ({"versions": ("3", "4")}, (3,), REJECTED, "NFS version 4 at tcp port"),
        ({"versions": ("3",)}, (4,), REJECTED, "version 3 is not served, only 4"),
        ({"versions": ("4.0", "4.1")}, (4,), PASS, "version 4.0 and 4.1"),
        ({"versions": ("4.2",)}, (4,), REJECTED, "NFS4ERR_MINOR_VERS_MISMATCH"),
        ({"versions": ("4.1",)}, (3,), REJECTED, "version 4 is not served"),
        ({"versions": ("2", "3"), "over": "udp"}, (2, 3), PASS, "version 2 and 3"),
    ],
)
def test_versions(settings, served, wanted, says, address):
    outcome = judge(NfsProbe(**settings), server(*served), address)
    assert wanted == (outcome.verdict, outcome.reason), outcome
    assert says in outcome.detail


def with_mapper(settings, *registered, answer=None, tcp=True):
    """Probe an NFS server whose portmapper lists these; a port of None is the server's."""

    async def main():
        over_tcp, over_udp = both(answer or server(3, 4))
        async with Server("127.0.0.1", over_tcp if tcp else None, over_udp) as nfs:
            asks = portmapper([(*one[:3], one[3] or nfs.port) for one in registered])
            async with Server("127.0.0.1", *both(asks)) as mapper:
                probe = NfsProbe(rpcbind_port=mapper.port, **settings)
                return await in_reactor(
                    lambda engine: run(probe, Target(address="127.0.0.1", port=nfs.port), 0.5, engine)
                )

    return asyncio.run(main())


ALL = [(NFS, 3, "tcp", None), (MOUNTD, 3, "tcp", None), (LOCKS, 4, "udp", None), (STATUS, 1, "tcp", None)]


def test_everything_that_goes_with_version_3():
    settings = {"registered": True, "exports": ("/srv/a/", "/srv/b"), "lock_manager": True, "status": True}
    outcome = with_mapper(settings, *ALL)
    assert PASS == (outcome.verdict, outcome.reason), outcome
    assert {"versions": "4", "exports": 2} == outcome.facts
    assert "the lock manager answers; the status monitor answers" in outcome.detail


@pytest.mark.parametrize(
    ("settings", "registered", "reason", "says"),
    [
        (
            {"exports": ("/srv/c", "/srv/a")},
            ALL,
            Reason.EXPECTATION,
            "not exported: /srv/c; mountd lists /srv/a, /srv/b/",
        ),
        ({"exports": ("/srv",)}, ALL, Reason.EXPECTATION, "not exported: /srv;"),
        ({"mountd": True}, [], Reason.REJECTED, "mountd: not registered with the portmapper"),
        ({"mountd": True}, [(MOUNTD, 3, "tcp", 9)], Reason.REFUSED, "mountd at tcp port 9: connection refused"),
        ({"mountd": True, "mountd_port": 9}, ALL, Reason.REFUSED, "mountd at tcp port 9: connection refused"),
        ({"lock_manager": True}, [], Reason.REJECTED, "the lock manager: not registered"),
        ({"status": True}, [(STATUS, 1, "udp", 9)], Reason.REFUSED, "the status monitor at udp port 9"),
        ({"registered": True}, [], Reason.REJECTED, "NFS version 3: not registered"),
        ({"registered": True}, [(NFS, 3, "udp", None)], Reason.REJECTED, "NFS version 3: not registered"),
        ({"registered": True}, [(NFS, 3, "tcp", 9)], Reason.EXPECTATION, "sends clients to port 9"),
    ],
)
def test_what_is_missing_is_named(settings, registered, reason, says):
    outcome = with_mapper(settings, *registered)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason), outcome
    assert says in outcome.detail


def test_registered_but_gone():
    outcome = with_mapper({"registered": True}, *ALL, tcp=False)
    assert (Verdict.FAIL, Reason.REFUSED) == (outcome.verdict, outcome.reason)
    assert "registered with the portmapper: connection refused" in outcome.detail


def test_a_mountd_that_answers_its_null_procedure_only_does_not_pass_for_an_export():
    def answer(call):
        if asked(call)[2] == 5:
            return denied(call, 1, 5)
        return server(3, 4)(call)

    outcome = with_mapper({"exports": ("/srv/a",)}, *ALL, answer=answer)
    assert (Verdict.FAIL, Reason.AUTHENTICATION) == (outcome.verdict, outcome.reason)


@pytest.mark.parametrize(
    ("exports", "reason"),
    [
        (b"", Reason.PROTOCOL),
        (words(0), Reason.EXPECTATION),
        (words(1) + text(b"/srv/a"), Reason.PROTOCOL),
        (words(1, 0xFFFFFFFF), Reason.PROTOCOL),
        ((words(1) + text(b"/srv/a") + words(0)) * 5000 + words(0), Reason.PROTOCOL),
        (words(1) + text(b"/x") + bytes(rpc.LARGE_REPLY), Reason.PROTOCOL),
    ],
)
def test_lists_that_are_none_fail(exports, reason):
    outcome = with_mapper({"exports": ("/srv/a",)}, *ALL, answer=server(3, 4, exports=exports))
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason), outcome


@pytest.mark.parametrize("body", [b"", words(0), words(0, 0), words(0, 0, 7), words(10000, 0, 0)])
def test_an_answer_that_is_no_empty_compound_fails(body):
    outcome = judge(NfsProbe(versions=("4.1",)), lambda call: accepted(call, 0, body))
    assert Verdict.FAIL is outcome.verdict
    assert outcome.reason in (Reason.PROTOCOL, Reason.REJECTED)


def test_something_else_on_the_port_is_told():
    outcome = judge(NfsProbe(), lambda call: accepted(call, 1))
    assert REJECTED == (outcome.verdict, outcome.reason)
    assert "does not serve program 100003" in outcome.detail


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"over": "udp", "versions": ("3", "4.1")}, "over:"),
        ({"exports": ("srv",)}, "exports:"),
        ({"exports": ("/" * 1025,)}, "exports:"),
        ({"rpcbind_port": 0}, "rpcbind_port:"),
        ({"mountd": True, "mountd_port": 65536}, "mountd_port:"),
        ({"mountd_port": 20048}, "mountd_port: it goes with"),
        ({"retransmit": 100.0}, "retransmit:"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, says):
    with pytest.raises(ValueError, match=says):
        NfsProbe(**settings)
