"""telnet: options answered, commands stripped even inside the prompt, the prompt recognised."""

import pytest

from lvsmon.model import Reason, Target, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.probes.telnet import PROMPT, TelnetProbe
from lvsmon.testing.network import Close, Expect, Hang, Script, ScriptedConnector, Send, run_scripted

TARGET = Target(address="10.1.0.11", port=23, hostname="shell.example.org")


def _run(*steps, probe=None, target=TARGET):
    return run_scripted(probe or TelnetProbe(), target, ScriptedConnector(Script(*steps)))


@pytest.mark.parametrize(
    "prompt",
    [
        b"Debian GNU/Linux 12\r\nmail login: ", b"\r\nUser Access Verification\r\n\r\nUsername: ",
        b"Password:", b"login as:",
        b"User Name:", b"\x1b[1;32mlogin: \x1b[0m", b"Enter your name or NEW: ", b"Account>", b"[Enter user id]:",
        b"LOGON: ",
        b"Please enter your handle: ", b"passcode:",
    ],
)  # fmt: skip
def test_the_default_prompt_is_what_telnet_servers_show(prompt):
    assert Verdict.PASS is _run(Send(prompt, 3), Hang()).verdict


@pytest.mark.parametrize(
    "text", [b"Last login: Monday\r\n", b"login", b"hello world\r\n", b"$ ", b"220 ready\r\n", b""]
)
def test_what_is_no_prompt_is_not_taken_for_one(text):
    assert not PROMPT.search(text)


@pytest.mark.parametrize("chunk", [1, 2, 5, 999])
def test_a_prompt_that_comes_only_after_the_negotiation(chunk):
    """As inetutils-telnetd does: it asks for the terminal and goes on when it has been told that there is none."""
    outcome = _run(
        Send(b"\xff\xfd\x18\xff\xfd\x20", chunk),
        Expect(b"\xff\xfc\x18\xff\xfc\x20"),
        Send(b"\xff\xfb\x03\xff\xfd\x01", chunk),
        Expect(b"\xff\xfd\x03\xff\xfc\x01"),
        Send(b"\r\nDebian\r\0\r\nmail lo\xff\xf1gin: ", chunk),
        Hang(),
    )
    assert (Verdict.PASS, "prompt 'mail login:'") == (outcome.verdict, outcome.detail)


@pytest.mark.parametrize(
    ("steps", "reason", "words"),
    [
        ((Close(),), Reason.CLOSED, "without a word"),
        ((Send(b"Too many users\r\n"), Close()), Reason.CLOSED, "after 'Too many users'"),
        ((Send(b"hello\r\n"), Hang()), Reason.DEADLINE, "still talking"),
        ((Send(b"x" * 200), Hang()), Reason.EXPECTATION, "no prompt in the first 100 bytes"),
    ],
)
def test_failures_say_why(steps, reason, words):
    outcome = _run(*steps, probe=TelnetProbe(max_read=100))
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason)
    assert words in outcome.detail


def test_the_banner_is_held_against_the_expectation():
    probe = TelnetProbe(banner=Regex(b"Debian"))
    assert Verdict.PASS is _run(Send(b"Debian\r\nlogin: "), probe=probe).verdict
    assert Reason.EXPECTATION is _run(Send(b"FreeBSD\r\nlogin: "), probe=probe).reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"shell login: ", Reason.OK),
        (b"Welcome to SHELL.example.org\r\nlogin: ", Reason.OK),
        (b"rs1 login: ", Reason.EXPECTATION),
        (b"shell2 login: ", Reason.EXPECTATION),
        (b"shell.example.net login: ", Reason.EXPECTATION),
        (b"my-shell login: ", Reason.EXPECTATION),
    ],
)
def test_the_name_shown_is_the_clients(text, reason):
    assert reason is _run(Send(text), probe=TelnetProbe(expect_hostname=True)).reason


def test_settings_that_decide_nothing_are_refused():
    for settings in ({"expect": Regex(b"")}, {"banner": Regex(b".*")}, {"max_read": 0}):
        with pytest.raises(ValueError, match=r"can never fail|write a size"):
            TelnetProbe(**settings)
