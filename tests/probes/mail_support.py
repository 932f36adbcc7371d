"""Short words for scripts of dialogues."""

from lvsmon.model import Certificate, Target
from lvsmon.net.tls.values import TlsSession
from lvsmon.testing.network import Expect, Script, ScriptedConnector, Send, run_scripted

TARGET = Target(address="10.1.0.11", port=25, hostname="mail.example.org")
DAY = 86400.0


def session(*names, days=100):
    """Return a handshake that has succeeded, with a certificate for ``names``."""
    certificate = Certificate(names=names or ("mail.example.org",), not_before=0.0, not_after=1e9 + days * DAY)
    return TlsSession(version="TLSv1.3", cipher="AES", certificate=certificate, at=1e9)


def dialogue(*words):
    """Return steps: text that begins with "C: " is expected from the probe, other text is sent, steps stay."""
    steps = []
    for word in words:
        if not isinstance(word, str):
            steps.append(word)
        elif word.startswith("C: "):
            steps.append(Expect(word[3:].encode() + b"\r\n"))
        else:
            steps.append(Send(word.encode() + b"\r\n"))
    return steps


def play(probe, *words, target=TARGET, timeout=20.0):
    """Return the outcome of one scripted conversation."""
    return run_scripted(probe, target, ScriptedConnector(Script(*dialogue(*words))), timeout)
