"""ftp: login, listing in both modes and a file; passed only where all of it came whole."""

import re

import pytest

from lvsmon.errors import ConnectFailed, LocalFault
from lvsmon.model import Reason, Target, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.model.settings import Secret
from lvsmon.probes.base import aim
from lvsmon.probes.ftp import FtpProbe, read_ports, write_ports
from lvsmon.probes.ftp_login import ANONYMOUS_PASSWORD
from lvsmon.testing.network import Close, Expect, Hang, Reset, Script, ScriptedConnector, Send, Wait, run_scripted

V4 = Target(address="10.1.0.11", port=21, vip="192.0.2.10")
V6 = Target(address="fd00::11", port=21, vip="2001:db8::10")
ENTRY = b"-rw-r--r-- 1 ftp ftp 7 Jan 01 2026 README\r\n"
LISTED = Script(Send(ENTRY), Close())
PASSIVE, ACTIVE = FtpProbe(modes=("passive",)), FtpProbe(modes=("active",))
TYPE = (Expect(b"TYPE A\r\n"), Send(b"200 A\r\n"))
LOGIN = (
    Send(b"220-220 Welcome\r\n 220 to all\r\n331-of you\r\n220 ready\r\n"),
    Expect(b"USER anonymous\r\n"),
    Send(b"331 your address?\r\n"),
    Expect(b"PASS " + ANONYMOUS_PASSWORD.encode() + b"\r\n"),
    Send(b"230-hello\r\n230 in\r\n"),
)
PASV = (Expect(b"PASV\r\n"), Send(b"227 Entering Passive Mode (10,1,0,11,156,65).\r\n"))
EPSV = (Expect(b"EPSV\r\n"), Send(b"229 Extended Passive (|||40001|)\r\n"))
PORT = (Expect(b"PORT 192,0,2,254,156,65\r\n"), Send(b"200 ok\r\n"))
EPRT = (Expect(b"EPRT |2|2001:db8::fe|40001|\r\n"), Send(b"200 ok\r\n"))
LIST = (Expect(b"LIST\r\n"), Send(b"150 here\r\n226 done\r\n"))
QUIT = (Expect(b"QUIT\r\n"), Send(b"221 bye\r\n"), Close())
IN_PASSIVE, IN_ACTIVE = (*TYPE, *PASV, *LIST), (*TYPE, *PORT, *LIST)
REST = (*IN_PASSIVE, *QUIT)


def run(steps, *data, probe=None, target=V4, timeout=3):
    return run_scripted(probe or FtpProbe(), target, ScriptedConnector(Script(*steps), *data), timeout)


def fails(outcome, reason, words):
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason), outcome
    assert re.search(words, outcome.detail), outcome.detail


def passive(steps, *data, **settings):
    return run((*LOGIN, *TYPE, *steps), *data, probe=FtpProbe(modes=("passive",), **settings))


def active(steps, *data, **settings):
    return run((*LOGIN, *TYPE, *steps), *data, probe=FtpProbe(modes=("active",), **settings))


@pytest.mark.parametrize("chunk", [1, 7, 999])
def test_a_whole_conversation(chunk):
    cut = [Send(step.data, chunk) if isinstance(step, Send) else step for step in (*LOGIN, *IN_PASSIVE, *IN_ACTIVE)]
    listed = Script(Send(b"total 1\r\n" + ENTRY + b"d x 1 b", chunk), Close())
    outcome = run((*cut, *QUIT), listed, listed)
    assert (Verdict.PASS, "entries listed: 2 in passive mode and 2 in active mode") == (
        outcome.verdict,
        outcome.detail,
    )
    assert {
        "banner": "220 Welcome\n 220 to all\n331-of you\nready",
        "entries_passive": 2,
        "listing_digest": outcome.facts["listing_digest"],
        "entries_active": 2,
        "pasv_address": "10.1.0.11",
    } == outcome.facts


def test_over_ipv6_the_extended_commands_are_used():
    steps = (*LOGIN, *TYPE, *EPSV, *LIST, *TYPE, *EPRT, *LIST, *QUIT)
    outcome = run(steps, LISTED, LISTED, target=V6)
    assert Verdict.PASS is outcome.verdict, outcome
    assert "pasv_address" not in outcome.facts


def test_there_is_nothing_else_over_ipv6():
    refused = (*LOGIN, *TYPE, Expect(b"EPSV\r\n"), Send(b"500 what\r\n"))
    fails(run(refused, target=V6), Reason.REJECTED, "passive mode: EPSV is refused: 500 what")


@pytest.mark.parametrize("code", [500, 501, 502, 504, 522])
def test_the_other_command_where_the_first_is_not_known(code):
    no = Send(b"%d not here\r\n" % code)
    passives = (*TYPE, PASV[0], no, *EPSV, *LIST)
    actives = (*TYPE, PORT[0], no, Expect(b"EPRT |1|192.0.2.254|40001|\r\n"), Send(b"200 x\r\n"), *LIST)
    assert Verdict.PASS is run((*LOGIN, *passives, *actives, *QUIT), LISTED, LISTED).verdict
    extended = (*TYPE, EPSV[0], no, *PASV, *LIST)
    extended += (*TYPE, Expect(b"EPRT |1|192.0.2.254|40001|\r\n"), no, *PORT, *LIST)
    probe = FtpProbe(extended=True)
    assert Verdict.PASS is run((*LOGIN, *extended, *QUIT), LISTED, LISTED, probe=probe).verdict


def test_a_mode_that_is_forbidden_is_a_failure_and_not_asked_for_again():
    forbidden = Send(b"550 Permission denied.\r\n")
    fails(passive((PASV[0], forbidden)), Reason.REJECTED, "passive mode: PASV is refused: 550 Permission denied")
    fails(active((PORT[0], forbidden), LISTED), Reason.REJECTED, "active mode: PORT is refused: 550 Permission")


def test_a_login_that_need_not_succeed():
    probe = FtpProbe(modes=("passive",), login="optional")
    assert Verdict.PASS is run((*LOGIN, *REST), LISTED, probe=probe).verdict
    outcome = run((*LOGIN[:-1], Send(b"530 nobody\r\n"), *QUIT), probe=probe)
    assert Verdict.PASS is outcome.verdict
    assert outcome.detail.endswith("ready (it lets no anonymous in)")
    fails(run((*LOGIN[:-1], Send(b"421 later\r\n")), probe=probe), Reason.REJECTED, "421 later")
    fails(run((*LOGIN, *TYPE, PASV[0], Send(b"550 no\r\n")), probe=probe), Reason.REJECTED, "PASV is refused")
    outcome = run((LOGIN[0], *QUIT), probe=FtpProbe(login="none"))
    assert (Verdict.PASS, True) == (outcome.verdict, outcome.detail.endswith("(no login was tried)"))
    fails(run((Send(b"530 x\r\n"),), probe=FtpProbe(login="none")), Reason.AUTHENTICATION, "greeting is a refusal")


def test_a_password_that_is_not_set():
    """Only a user who needs none can be without one."""
    asked = run((Send(b"220 x\r\n"), Expect(b"USER joe\r\n"), Send(b"331 x\r\n")), probe=FtpProbe(user="joe"))
    fails(asked, Reason.AUTHENTICATION, "needs the password, which is not set: 331 x")


USER = (Send(b"220 x\r\n"), Expect(b"USER joe\r\n"))
PASS = (Send(b"331 x\r\n"), Expect(b"PASS secret\r\n"))
ACCT = (Send(b"332 x\r\n"), Expect(b"ACCT sales\r\n"))


@pytest.mark.parametrize(
    "steps",
    [
        (*USER, Send(b"230 no password needed\r\n")),
        (*USER, Send(b"232 you are known\r\n")),
        (*USER, *PASS, Send(b"230 in\r\n")),
        (*USER, *PASS, Send(b"202 not needed\r\n")),
        (*USER, *PASS, *ACCT, Send(b"230 in\r\n")),
        (*USER, *ACCT, Send(b"202 in\r\n")),
        (Send(b"120 in a minute\r\n"), Wait(1), *USER, Send(b"230 in\r\n")),
    ],
)
def test_logins(steps):
    probe = FtpProbe(modes=("passive",), user="joe", password=Secret("secret"), account=Secret("sales"))
    assert Verdict.PASS is run((*steps, *REST), LISTED, probe=probe).verdict


@pytest.mark.parametrize(
    ("steps", "reason", "words"),
    [
        ((*USER, Send(b"530 no such\r\n")), Reason.AUTHENTICATION, "the login as joe is refused: 530 no such"),
        ((*USER, *PASS, Send(b"530 wrong\r\n")), Reason.AUTHENTICATION, "refused: 530 wrong"),
        ((*USER, *PASS, Send(b"332 acct\r\n")), Reason.AUTHENTICATION, "needs the account, which is not set"),
        ((*USER, *PASS, Send(b"500 OOPS: cannot change directory\r\n"), Close()), Reason.REJECTED, "500 OOPS"),
        ((*USER, *PASS, Send(b"331 again\r\n")), Reason.PROTOCOL, "the answer to PASS is no login: 331 again"),
        ((*USER, Send(b"200 eh\r\n")), Reason.PROTOCOL, "the answer to USER is no login"),
        ((*USER, Send(b"220 x\r\n")), Reason.PROTOCOL, "the answer to USER is no login"),
        ((*USER, *PASS, Close()), Reason.CLOSED, "instead of a reply, where the answer to PASS was due"),
    ],
)
def test_logins_that_fail(steps, reason, words):
    fails(run(steps, probe=FtpProbe(user="joe", password=Secret("secret"))), reason, words)


@pytest.mark.parametrize(
    ("steps", "reason", "words"),
    [
        ((Send(b"421 too many users\r\n"), Close()), Reason.REJECTED, "ends the service .*: 421 too many users"),
        ((Send(b"530 go away\r\n"),), Reason.AUTHENTICATION, "the greeting is a refusal: 530 go away"),
        ((Send(b"230 eh\r\n"),), Reason.PROTOCOL, "the greeting is not 220: 230 eh"),
        ((Send(b"120 x\r\n120 y\r\n"),), Reason.PROTOCOL, "the greeting is not 220: 120 y"),
        ((Send(b"SSH-2.0-x\r\n"),), Reason.PROTOCOL, "not an FTP reply"),
        ((Send(b"220-x\r\n230 y\r\n"), Close()), Reason.CLOSED, "in the middle of a reply, where the greeting was due"),
        ((Close(),), Reason.CLOSED, "instead of a reply"),
        ((Reset(),), Reason.RESET, "reset"),
        ((Send(b"220-x\r\n"), Hang()), Reason.DEADLINE, "still waiting for the greeting"),
        ((*LOGIN, TYPE[0], Send(b"501 no\r\n")), Reason.REJECTED, "TYPE is refused: 501 no"),
        ((*LOGIN, TYPE[0], Send(b"150 no\r\n")), Reason.PROTOCOL, "neither a success nor a failure"),
        ((*LOGIN, TYPE[0], Hang()), Reason.DEADLINE, "still waiting for the answer to TYPE"),
    ],
)
def test_what_fails_before_there_is_any_data(steps, reason, words):
    fails(run(steps), reason, words)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"227 here\r\n", "no address and port in the answer to PASV"),
        (b"227 (10,1,0,11,0,0)\r\n", "names the port 0"),
        (b"227 (10,1,0,11,0,25)\r\n", "names the privileged port 25"),
        (b"227 (10,1,0,11,999,1)\r\n", "no address and port"),
        (b"229 (|||40001|)\r\n", "the answer to PASV is not 227"),
        (b"200 ok\r\n", "the answer to PASV is not 227"),
    ],
)
def test_an_answer_to_pasv_that_leads_nowhere(answer, words):
    """No data connection is opened: the script has none."""
    fails(passive((PASV[0], Send(answer))), Reason.PROTOCOL, f"passive mode: .*{words}")


def test_an_answer_to_epsv_that_leads_nowhere():
    for answer in (b"229 (|||0|)\r\n", b"229 garbage \xff\r\n", b"229 (|||80|)\r\n"):
        steps = (*LOGIN, *TYPE, EPSV[0], Send(answer))
        fails(run(steps, target=V6), Reason.PROTOCOL, "passive mode: .*the answer to EPSV")


def test_the_data_connection_goes_to_the_realserver_probed():
    """Whatever is named; what cannot be connected to says which connection it was."""
    refused = ConnectFailed("connection refused: nothing listens on the port", Reason.REFUSED)
    steps = (PASV[0], Send(b"227 (192,0,2,77,156,65)\r\n"))
    words = "passive mode: the data connection to its port 40001 fails: connection refused"
    fails(passive(steps, refused), Reason.REFUSED, words)
    seen = []

    class Watched(ScriptedConnector):
        async def connect(self, address, port, /):
            seen.append((address, port))
            return await super().connect(address, port)

    connector = Watched(Script(*LOGIN, *TYPE, *steps, *LIST, *QUIT), LISTED)
    assert Verdict.WARN is run_scripted(PASSIVE, V4, connector).verdict
    assert [("10.1.0.11", 21), ("10.1.0.11", 40001)] == seen


@pytest.mark.parametrize(
    ("named", "sort"),
    [
        ("0,0,0,0", "no address at all"),
        ("127,0,0,1", "the client's own host"),
        ("10,9,9,9", "a private address of some other host"),
        ("8,8,4,4", "another host's address"),
    ],
)
def test_an_address_that_clients_of_the_vip_cannot_reach(named, sort):
    steps = (PASV[0], Send(b"227 (%b,156,65)\r\n" % named.encode()), *LIST, *QUIT)
    dotted = named.replace(",", ".")
    text = f"the answer to PASV sends clients to {dotted}, {sort}, for their data: right would be 192.0.2.10 (the VIP)"
    outcome = passive(steps, LISTED)
    assert (Verdict.WARN, Reason.DEGRADED) == (outcome.verdict, outcome.reason)
    assert f"{text} or 10.1.0.11" == outcome.detail
    assert dotted == outcome.facts["pasv_address"]
    fails(passive(steps[:-3], LISTED, pasv_address="fail"), Reason.EXPECTATION, re.escape(text))
    assert Verdict.PASS is passive(steps, LISTED, pasv_address="ignore").verdict
    assert Verdict.PASS is passive(steps, LISTED, pasv_accept=(dotted,)).verdict


def test_the_vip_may_be_named():
    steps = (PASV[0], Send(b"227 (192,0,2,10,156,65)\r\n"), *LIST, *QUIT)
    assert Verdict.PASS is passive(steps, LISTED, pasv_address="fail").verdict


def test_the_vip_is_known_where_it_is_needed():
    where = {"hostname": "ftp.example.org", "vip": "192.0.2.10", "vport": 21}
    assert Target(address="10.1.0.11", port=21, vip="192.0.2.10") == aim(PASSIVE, "10.1.0.11", 21, **where)
    assert Target(address="10.1.0.11", port=21) == aim(ACTIVE, "10.1.0.11", 21, **where)
    assert aim(FtpProbe(pasv_address="ignore"), "10.1.0.11", 21, **where).vip is None


WORD = Expect(b"LIST\r\n")


@pytest.mark.parametrize(
    "words",
    [
        (Send(b"150 x\r\n"), Send(b"226 y\r\n")),
        (Send(b"125 x\r\n226 y\r\n"),),
        (Send(b"150-x\r\n226 not yet\r\n150 y\r\n250 done\r\n"),),
        (Send(b"200 x\r\n150 y\r\n226 z\r\n"),),
    ],
)
@pytest.mark.parametrize("late", [0, 1])
def test_a_listing_that_came_whole(words, late):
    """226 may be said before the data is there; a 200 before the 150 is passed over, as clients do."""
    data = Script(Wait(late), *LISTED.steps) if late else LISTED
    assert Verdict.PASS is passive((*PASV, WORD, *words, *QUIT), data).verdict
    assert Verdict.PASS is active((*PORT, WORD, *words, *QUIT), data).verdict


BEGUN = Send(b"150 x\r\n")


@pytest.mark.parametrize(
    ("words", "data", "reason", "detail"),
    [
        ((Send(b"226 x\r\n"),), LISTED, Reason.PROTOCOL, "without 150 or 125 before its data"),
        ((Send(b"200 x\r\n200 y\r\n"),), LISTED, Reason.PROTOCOL, "without 150 or 125"),
        ((Send(b"550 no\r\n"),), LISTED, Reason.REJECTED, "LIST is refused: 550 no"),
        ((Send(b"450 no files\r\n"),), LISTED, Reason.REJECTED, "LIST is refused: 450"),
        ((Send(b"530 log in\r\n"),), LISTED, Reason.AUTHENTICATION, "LIST is refused: 530"),
        ((Send(b"421 bye\r\n"), Close()), LISTED, Reason.REJECTED, "ends the service instead of"),
        ((BEGUN, Send(b"421 bye\r\n"), Close()), LISTED, Reason.REJECTED, "instead of 226 after LIST: 421 bye"),
        ((BEGUN, Send(b"426 broken\r\n")), LISTED, Reason.REJECTED, "LIST is refused: 426 broken"),
        ((BEGUN, Send(b"451 disk\r\n")), LISTED, Reason.REJECTED, "451 disk"),
        ((BEGUN, Send(b"150 x\r\n")), LISTED, Reason.PROTOCOL, "neither with 226 nor with 250"),
        ((BEGUN, Send(b"200 x\r\n")), LISTED, Reason.PROTOCOL, "neither with 226 nor with 250"),
        ((BEGUN, Close()), LISTED, Reason.CLOSED, "where 226 after LIST was due"),
        ((BEGUN, Hang()), LISTED, Reason.DEADLINE, "still waiting for 226 after LIST"),
        ((BEGUN, Hang()), Script(Send(ENTRY), Reset()), Reason.RESET, "reset"),
        ((Send(b"150 x\r\n226 y\r\n"),), Script(Send(ENTRY), Reset()), Reason.RESET, "reset"),
        ((Send(b"150 x\r\n226 y\r\n"),), Script(Send(ENTRY), Hang()), Reason.DEADLINE, "the end of what LIST sends"),
        ((Send(b"150 x\r\n226 y\r\n"), Close()), Script(Hang()), Reason.DEADLINE, "the end of what LIST sends"),
    ],
)
@pytest.mark.parametrize("mode", ["passive", "active"])
def test_a_listing_that_did_not_come_whole(mode, words, data, reason, detail):
    if mode == "passive":
        fails(passive((*PASV, WORD, *words), data), reason, detail)
    else:
        fails(active((*PORT, WORD, *words), data), reason, detail)


@pytest.mark.parametrize(
    ("words", "reason", "detail"),
    [
        ((Hang(),), Reason.DEADLINE, "192.0.2.254 port 40001 .*either it opens none, or a firewall, perhaps the direc"),
        ((BEGUN, Hang()), Reason.DEADLINE, "either it opens none, or a firewall, perhaps the director's own"),
        ((Send(b"150 x\r\n226 y\r\n"), Close()), Reason.DEADLINE, "either it opens none, or a firewall"),
        ((BEGUN, Wait(1), Send(b"425 no\r\n")), Reason.REJECTED, "no data connection to 192.0.2.254 .*director's own"),
        ((Send(b"425 no\r\n"),), Reason.REJECTED, "no data connection to 192.0.2.254 port 40001: 425 no"),
        ((BEGUN, Wait(1), Close()), Reason.CLOSED, "where 226 after LIST was due"),
        ((Send(b"150 a\r\n150 b\r\n"),), Reason.PROTOCOL, "neither with 226"),
    ],
)
def test_a_realserver_that_never_connects_back(words, reason, detail):
    """None in place of a script: nobody connects."""
    fails(active((*PORT, WORD, *words), None), reason, f"active mode.*{detail}|{detail}")


def test_425_in_passive_mode_names_the_port():
    fails(passive((*PASV, WORD, Send(b"425 no\r\n")), Script()), Reason.REJECTED, "over the one to its port 40001: 425")


def test_trouble_with_listening_is_the_directors():
    outcome = active((), LocalFault("every port of active_ports is in use", Reason.LOCAL_RESOURCES))
    assert (Verdict.UNKNOWN, Reason.LOCAL_RESOURCES) == (outcome.verdict, outcome.reason)


def test_active_ports_are_used():
    steps = (Expect(b"PORT 192,0,2,254,195,81\r\n"), Send(b"200 x\r\n"), *LIST, *QUIT)
    assert Verdict.PASS is active(steps, LISTED, active_ports=(50000, 50010)).verdict


def listing(data, command=b"LIST", **settings):
    steps = (*PASV, Expect(command + b"\r\n"), *LIST[1:], *QUIT)
    return passive(steps, Script(Send(data, 5), Close()), listing=command.decode(), **settings)


def digest(data, command=b"LIST", **settings):
    return listing(data, command, **settings).facts["listing_digest"]


def test_the_digest_of_a_listing_is_that_of_its_entries_in_any_order():
    other = ENTRY.replace(b"README", b"COPYING")
    assert digest(ENTRY + other) == digest(other + ENTRY) == digest(b"total 8\r\n" + ENTRY + other)
    assert len({digest(b""), digest(ENTRY), digest(other), digest(ENTRY + ENTRY), digest(ENTRY + other)}) == 5
    names = (Regex(b"[A-Z]+"),)
    assert digest(ENTRY, digest_ignore=names) == digest(other, digest_ignore=names) != digest(ENTRY)


def test_entries_are_counted_and_held_against_the_expectation():
    assert Verdict.PASS is listing(b"").verdict
    fails(listing(b"total 0\r\n", min_entries=1), Reason.EXPECTATION, "passive mode: the listing has 0 entries, not 1")
    assert Verdict.PASS is listing(ENTRY * 3, min_entries=3).verdict
    fails(listing(ENTRY * 3, min_entries=4), Reason.EXPECTATION, "3 entries, not 4")
    readme = Regex(rb"README$")
    assert 1 == listing(b"x\r\n" + ENTRY, expect=readme).facts["entries_passive"]
    fails(listing(b"x\r\n", expect=readme), Reason.EXPECTATION, "0 entries in which expect matches, not 1")
    fails(listing(ENTRY, expect=readme, min_entries=2), Reason.EXPECTATION, "1 entries in which expect matches, not 2")
    assert Verdict.PASS is listing(b"README", b"NLST", expect=Regex(b"^README$")).verdict
    assert 1 == listing(b"type=cdir; .\r\ntype=file; a\r\n", b"MLSD").facts["entries_passive"]
    fails(listing(b"hello\r\n", b"MLSD"), Reason.PROTOCOL, "passive mode: not a line of MLSD")


def test_a_listing_is_bounded():
    fails(listing(ENTRY * 3, max_listing=100), Reason.EXPECTATION, "longer than max_listing")
    assert Verdict.PASS is listing(ENTRY * 3, max_listing=3 * len(ENTRY)).verdict


def fetch(data, *words, **settings):
    steps = (*LOGIN, *IN_PASSIVE, Expect(b"TYPE I\r\n"), Send(b"200 I\r\n"), *PASV, Expect(b"RETR a b\r\n"))
    probe = FtpProbe(modes=("passive",), file="a b", **settings)
    whole = words or (Send(b"150 x\r\n226 y\r\n"),)
    return run((*steps, *whole, *QUIT), LISTED, Script(Send(data, 3), Close()), probe=probe)


def test_a_file_is_fetched():
    digest = "md5:5d41402abc4b2a76b9719d911017c592"
    outcome = fetch(b"hello", file_digest=digest, file_expect=Regex(b"^hello$"))
    assert (Verdict.PASS, 5) == (outcome.verdict, outcome.facts["file_size"])
    assert outcome.detail.endswith("a file of 5 bytes")
    fails(fetch(b"hallo", file_digest=digest), Reason.EXPECTATION, "the digest of the file is md5:598d")
    fails(fetch(b"hallo", file_expect=Regex(b"hello")), Reason.EXPECTATION, "begins 'hallo'")
    fails(fetch(b"hello", max_file=4), Reason.EXPECTATION, "longer than max_file")
    assert Verdict.PASS is fetch(b"hello", max_file=5).verdict
    fails(fetch(b"", Send(b"550 no such file\r\n")), Reason.REJECTED, "RETR is refused: 550 no such file")
    fails(fetch(b"hell", Send(b"150 x\r\n426 cut\r\n")), Reason.REJECTED, "426 cut")


def test_a_directory_is_changed_to():
    cwd = Expect(b"CWD pub/a b\r\n")
    probe = FtpProbe(modes=("passive",), directory="pub/a b")
    assert Verdict.PASS is run((*LOGIN, cwd, Send(b"250 x\r\n"), *REST), LISTED, probe=probe).verdict
    fails(run((*LOGIN, cwd, Send(b"550 no\r\n")), probe=probe), Reason.REJECTED, "CWD is refused: 550 no")


def test_the_banner_is_held_against_the_expectation():
    probe = FtpProbe(modes=("passive",), expect_banner=Regex(b"(?m)^ready$"))
    assert Verdict.PASS is run((*LOGIN, *REST), LISTED, probe=probe).verdict
    fails(run((Send(b"220 x\r\n"),), probe=probe), Reason.EXPECTATION, "expect_banner does not match")


@pytest.mark.parametrize("end", [(Close(),), (Reset(),), (Send(b"421 x\r\n"),), (Send(b"500 x\r\n"),)])
def test_a_server_that_ends_without_221_has_served(end):
    assert Verdict.PASS is run((*LOGIN, *IN_PASSIVE, QUIT[0], *end), LISTED, probe=PASSIVE).verdict


def test_what_was_opened_is_closed():
    connector = ScriptedConnector(Script(*LOGIN, *IN_PASSIVE, *IN_ACTIVE, *QUIT), LISTED, LISTED)
    closed = connector.close_all
    connector.close_all = lambda: None
    assert Verdict.PASS is run_scripted(FtpProbe(), V4, connector).verdict
    assert {"closed"} == {opened.ended for opened in connector.opened}
    closed()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"user": ""}, "user: write a name"),
        ({"login": "optional", "min_entries": 1}, 'need login = "required"'),
        ({"login": "none", "directory": "pub"}, 'need login = "required"'),
        ({"login": "none", "password": Secret("x")}, "password and account have no effect"),
        ({"user": "a\r\nDELE x", "password": Secret("")}, "user: no control characters"),
        ({"password": Secret("a\r\nDELE x")}, "password: no control characters"),
        ({"account": Secret("\0")}, "account: no control characters"),
        ({"directory": "a\nb"}, "directory: no control characters"),
        ({"file": "a\rb"}, "file: no control characters"),
        ({"file": ""}, "write a path"),
        ({"modes": ()}, "modes: write each mode once"),
        ({"modes": ("passive", "passive")}, "modes: write each mode once"),
        ({"min_entries": -1}, "min_entries: write a number"),
        ({"max_listing": 0}, "max_listing: write a size"),
        ({"max_file": 1 << 31}, "max_file: write a size"),
        ({"file_expect": Regex(b"x")}, "no effect without file"),
        ({"file": "x", "file_digest": "crc:1"}, "file_digest: write"),
        ({"expect": Regex(b".*")}, "can never fail"),
        ({"expect_banner": Regex(b"")}, "can never fail"),
        ({"file": "x", "file_expect": Regex(b"x?")}, "can never fail"),
        ({"pasv_accept": ("2001:db8::1",)}, "pasv_accept: write IPv4 addresses"),
        ({"pasv_accept": ("ftp.example.org",)}, "pasv_accept: write IPv4 addresses"),
        ({"pasv_accept": ("192.0.2.1",), "modes": ("active",)}, "pasv_accept has no effect"),
        ({"modes": ("passive",), "active_ports": (40000, 40001)}, "active_ports has no effect"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        FtpProbe(**settings)


def test_a_range_of_ports_is_read_and_written():
    assert (40000, 40999) == read_ports("40000-40999")
    assert "40000-40999" == write_ports((40000, 40999))
    for wrong in ("40000", "1023-2000", "5000-4000", "5000-65536", 5000, "x-y"):
        with pytest.raises(ValueError, match="write two ports from 1024 to 65535"):
            read_ports(wrong)
