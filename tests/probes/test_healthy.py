"""Every kind against a healthy server on real sockets, over IPv4 and IPv6, through the runner."""

import asyncio
import http.server
import socket
import threading

import pytest

from lvsmon.model import Verdict
from lvsmon.model.patterns import Regex
from lvsmon.monitor.runner import run
from lvsmon.net.nested import in_reactor
from lvsmon.probes import BUILTIN
from lvsmon.probes.agent import AgentProbe
from lvsmon.probes.ajp import AjpProbe
from lvsmon.probes.base import aim
from lvsmon.probes.fastcgi import FastcgiProbe
from lvsmon.probes.http import HttpProbe
from lvsmon.probes.identd import IdentdProbe
from lvsmon.probes.imap import ImapProbe
from lvsmon.probes.ldap import LdapProbe
from lvsmon.probes.lmtp import LmtpProbe
from lvsmon.probes.memcached import MemcachedProbe
from lvsmon.probes.mysql import MysqlProbe
from lvsmon.probes.nntp import NntpProbe
from lvsmon.probes.pgsql import PgsqlProbe
from lvsmon.probes.pop3 import Pop3Probe
from lvsmon.probes.proxy import ProxyProbe
from lvsmon.probes.redis import RedisProbe
from lvsmon.probes.rtsp import RtspProbe
from lvsmon.probes.smtp import SmtpProbe
from lvsmon.probes.ssh import SshProbe
from lvsmon.probes.submission import SubmissionProbe
from lvsmon.probes.tcp import TcpProbe
from lvsmon.probes.telnet import TelnetProbe

RTSP = [
    None,
    b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n",
    None,
    b"$\0\0\2hiRTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-",
    b"Length: 29\r\n\r\nv=0\r\nm=audio 0 RTP/AVP 0 97\r\n",
    None,
]
SMTP = [b"220-mail.example.org\r\n", b"220 hello\r\n", None, b"250-mail\r\n250 SIZE\r\n", None, b"221 bye\r\n"]
TELNET = [b"\xff\xfd\x18", None, b"\xff\xfb\x01Debian\r\n", None, b"mail lo\xff\xf1gin: ", None]
LDAP = [
    None,
    b"\x30\x0c\x02\x01\x02\x61\x07\x0a\x01\x00\x04\x00\x04\x00",
    None,
    b"\x30\x09\x02\x01\x03\x64\x04\x04\x00\x30\x00",
    b"\x30\x0c\x02\x01\x03\x65\x07\x0a\x01\x00\x04\x00\x04\x00",
    None,
]
AJP = [b"AB\0\x0a\x04\0\xc8\0\2OK\0", b"\0\0AB\0\6\x03\0\2hi\0", b"AB\0\2\5\1"]
FASTCGI = [b"\1\6\0\1\0\x1d\3\0Content-type: text/x\r\n", b"\r\npong\n\0\0\0", b"\1\3\0\1\0\x08\0\0", bytes(8)]
HEALTHY = {
    "agent": (AgentProbe(send=b"how?\n"), [None, b"up 7", b"5% # fine\r\n"]),
    "ajp": (AjpProbe(path="/"), [None, b"AB\0\1\x09", None, *AJP]),
    "fastcgi": (FastcgiProbe(path="/ping", expect=Regex(b"pong")), [None, *FASTCGI]),
    "identd": (IdentdProbe(owner=Regex(b"nobody")), [None, b"113, 1 : USERID : ", b"UNIX : nobody\r\n"]),
    "imap": (ImapProbe(), [b"* OK hi\r\n", None, b"* CAPABILITY IMAP4rev1\r\n", b"a1 OK\r\n", None, b"a2 OK\r\n"]),
    "lmtp": (LmtpProbe(expect_hostname=True), SMTP),
    "nntp": (NntpProbe(posting=True), [b"200 hi\r\n", None, b"101 x\r\nVERSION 2\r\n", b".\r\n", None, b"205 bye\r\n"]),
    "pop3": (Pop3Probe(), [b"+OK hi\r\n", None, b"+OK\r\nUIDL\r\n", b".\r\n", None, b"+OK bye\r\n"]),
    "submission": (SubmissionProbe(tls="none", auth=()), SMTP),
    "memcached": (MemcachedProbe(), [None, b"VERS", b"ION 1.6\r\n"]),
    "mysql": (MysqlProbe(), [b"\x11\0\0\0\xff\x6a\x04Host is", b" not all"]),
    "pgsql": (PgsqlProbe(), [None, b"R\0\0\0\x0c\0\0", b"\0\5salt"]),
    "proxy": (ProxyProbe(url="http://a.example/"), [None, b"HTTP/1.1 200 OK\r\nContent-Len", b"gth: 2\r\n\r\nok"]),
    "redis": (RedisProbe(), [None, b"+PONG\r\n", None, b"$33\r\nrole:master\r\nconnected_slaves:0\r\n\r\n"]),
    "ldap": (LdapProbe(), LDAP),
    "rtsp": (RtspProbe(path="/live", media=("audio",)), RTSP),
    "smtp": (SmtpProbe(expect_hostname=True), SMTP),
    "ssh": (SshProbe(mode="banner"), [b"hello\r\nSSH-2.0-", b"OpenSSH_9.2\r\n", None]),
    "tcp": (TcpProbe(send=b"PING\r\n", expect=Regex(b"^\\+PONG")), [None, b"+PO", b"NG\r\n"]),
    "telnet": (TelnetProbe(banner=Regex(b"Debian"), expect_hostname=True), TELNET),
}
ON_THE_DIRECTOR = {"exec", "file"}
"""Kinds that speak to no server."""

ELSEWHERE = {"content", "dns", "ftp", "nfs", "ntp", "ping", "radius", "rpc", "sip", "udp"}
"""Kinds whose own tests have a healthy server: it answers what it was asked."""


def _family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


async def _probe(probe, address, port):
    return await in_reactor(
        lambda engine: run(probe, aim(probe, address, port, hostname="mail.example.org"), 20, engine)
    )


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("kind", sorted(set(BUILTIN) - {"http", "https", "tls"} - ELSEWHERE - ON_THE_DIRECTOR))
def test_a_healthy_server_passes(kind, address):
    """It says its words; None waits for something from the client. Servers of TLS have tests of their own."""
    probe, words = HEALTHY[kind]

    def serve():
        peer, _ = listener.accept()
        with peer:
            for word in words:
                if word is None:
                    peer.recv(4096)
                else:
                    peer.sendall(word)

    with socket.create_server((address, 0), family=_family(address)) as listener:
        serving = threading.Thread(target=serve)
        serving.start()
        outcome = asyncio.run(_probe(probe, address, listener.getsockname()[1]))
        serving.join()
    assert Verdict.PASS is outcome.verdict, outcome.detail
    assert 0 < outcome.phases.connect <= outcome.phases.total
    assert 0 < outcome.phases.first_byte <= outcome.phases.total


class _Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{self.request_version} {self.headers['Host']} ready\n".encode() * 1000
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_healthy_web_server_passes(address, version):
    """The standard library's server, which shares no code with us; it shows what it was asked."""

    class Server(http.server.ThreadingHTTPServer):
        address_family = _family(address)
        daemon_threads = False  # closing the server waits for its conversations

    with Server((address, 0), _Pages) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        port = server.server_address[1]
        probe = HttpProbe(
            version=version, expect=Regex(rb"^HTTP/%b mail.example.org:%d ready" % (version.encode(), port))
        )
        outcome = asyncio.run(_probe(probe, address, port))
        server.shutdown()
        serving.join()
    assert Verdict.PASS is outcome.verdict, outcome.detail
    assert outcome.facts["server"].startswith("BaseHTTP/")
