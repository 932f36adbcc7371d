"""A minimal probe of every kind, and what it makes of servers that misbehave where that is not FAIL."""

from lvsmon.errors import LocalFault
from lvsmon.model.patterns import Regex
from lvsmon.model.settings import Secret
from lvsmon.monitor.runner import PhaseTrace
from lvsmon.net.icmp import EchoSocket
from lvsmon.net.reactor import Reactor
from lvsmon.probes.agent import AgentProbe
from lvsmon.probes.ajp import AjpProbe
from lvsmon.probes.content import ContentProbe
from lvsmon.probes.dns import DnsProbe
from lvsmon.probes.exec import ExecProbe
from lvsmon.probes.fastcgi import FastcgiProbe
from lvsmon.probes.file import FileProbe
from lvsmon.probes.ftp import FtpProbe
from lvsmon.probes.http import HttpProbe
from lvsmon.probes.http_request import FurtherRequests
from lvsmon.probes.https import HttpsProbe
from lvsmon.probes.identd import IdentdProbe
from lvsmon.probes.imap import ImapProbe
from lvsmon.probes.json_rules import JsonRules
from lvsmon.probes.ldap import LdapProbe
from lvsmon.probes.lmtp import LmtpProbe
from lvsmon.probes.memcached import MemcachedProbe
from lvsmon.probes.mysql import MysqlProbe
from lvsmon.probes.nfs import NfsProbe
from lvsmon.probes.nntp import NntpProbe
from lvsmon.probes.ntp import NtpProbe
from lvsmon.probes.pgsql import PgsqlProbe
from lvsmon.probes.ping import PingProbe
from lvsmon.probes.pop3 import Pop3Probe
from lvsmon.probes.proxy import ProxyProbe
from lvsmon.probes.radius import RadiusProbe
from lvsmon.probes.redis import RedisProbe
from lvsmon.probes.rpc import RpcProbe
from lvsmon.probes.rtsp import RtspProbe
from lvsmon.probes.sip import SipProbe
from lvsmon.probes.smtp import SmtpProbe
from lvsmon.probes.ssh import SshProbe
from lvsmon.probes.submission import SubmissionProbe
from lvsmon.probes.tcp import TcpProbe
from lvsmon.probes.telnet import TelnetProbe
from lvsmon.probes.tls import TlsProbe
from lvsmon.probes.udp import UdpProbe
from lvsmon.testing.misbehaving import BEHAVIOURS, OVER_UDP, TLS_HANDLERS
from lvsmon.testing.misbehaving_ftp import PASSES as FTP_PASSES
from lvsmon.testing.probe_conformance import Sample

# An answer that is whole, whatever happens on the connection afterwards; and bodies larger than one cares to read.
_WHOLE = frozenset({"http_then_reset"})
_LARGE = frozenset({"http_endless_body", "http_gzip_bomb"})
# A tunnel is open as soon as a head says so: what follows is what comes through it.
_OPENED = _WHOLE | _LARGE | {
    "http_half_body", "http_half_body_hangs", "http_half_chunk", "http_half_body_resets", "http_body_never_closed",
    "http_endless_chunk_line", "http_endless_trailers", "http_endless_chunks",
}  # fmt: skip
_SLOW = frozenset({"http_endless_chunks"})  # chunks of one byte: max_body or the deadline, whichever is first


def may_ping():
    """Whether this process may send echo requests: root may, others where the kernel lets their group."""
    with Reactor() as reactor:
        try:
            EchoSocket("::1", reactor, PhaseTrace()).close()
        except LocalFault:
            return False
    return True


LOGIN = {"username": "probe", "password": Secret("secret")}

SAMPLES: dict[str, list[Sample]] = {
    "agent": [Sample("agent", AgentProbe(send=b"hello\n"))],
    "ajp": [Sample("ajp", AjpProbe()), Sample("ajp with a path", AjpProbe(path="/", cping=False))],
    "content": [
        Sample("content of http", ContentProbe(of=HttpProbe(digest="md5:" + "0" * 32))),
        Sample("content of ssh", ContentProbe(of=SshProbe())),
    ],
    "dns": [
        Sample("dns", DnsProbe(name="example.org", retransmit=0.1)),
        Sample("dns over TCP", DnsProbe(name="example.org", over="tcp")),
    ],
    "ftp": [
        Sample(
            "ftp in passive mode",
            FtpProbe(modes=("passive",), max_listing=65536),
            FTP_PASSES | {"ftp_data_from_elsewhere", "ftp_226_though_never_opened"},
        ),
        Sample("ftp by AUTH TLS", FtpProbe(tls="starttls", tls_verify=False)),
        Sample("ftp in active mode", FtpProbe(modes=("active",), max_listing=65536), FTP_PASSES),
    ],
    # They look at no server: what is shown is that they keep their deadline and leave nothing behind.
    "exec": [
        Sample("exec that fails", ExecProbe(command=("/bin/false",)), blind=True),
        Sample("exec that hangs", ExecProbe(command=("/bin/sleep", "60")), blind=True),
    ],
    "fastcgi": [Sample("fastcgi", FastcgiProbe()), Sample("fastcgi with a path", FastcgiProbe(path="/ping"))],
    "file": [Sample("file that is missing", FileProbe(path="/nonexistent/{address}", missing="fail"), blind=True)],
    "http": [
        Sample("http", HttpProbe(max_body=65536), _WHOLE | _LARGE, _SLOW),
        Sample("http that looks into the body", HttpProbe(expect=Regex(b"ready")), frozenset()),
        Sample("http that wants a digest", HttpProbe(digest="md5:" + "0" * 32)),
        Sample("http in version 2", HttpProbe(version="2")),
        Sample("http that wants JSON", HttpProbe(expect_json=JsonRules.read([{"path": "a"}]), max_body=65536)),
        Sample(
            "http with two requests",
            HttpProbe(max_body=65536, then=FurtherRequests.read([{"path": "/b"}])),
            frozenset(),
            _LARGE | _WHOLE | _SLOW,
        ),
    ],
    "https": [
        Sample(
            "https that takes any certificate",
            HttpsProbe(tls_verify=False, max_body=65536),
            frozenset({"tls_http_whole", "tls_http_endless_body"}),
        ),
        Sample("https", HttpsProbe()),
        Sample("https in version 2", HttpsProbe(version="2", tls_verify=False)),
    ],
    "memcached": [
        Sample("memcached", MemcachedProbe(), frozenset({"memcached_endless_stats", "memcached_endless_value"})),
        Sample("memcached with statistics and a key", MemcachedProbe(key=b"health", stats=True)),
    ],
    "mysql": [
        Sample("mysql", MysqlProbe()),
        Sample("mysql with a login", MysqlProbe(user="probe", password=Secret("secret"))),
        Sample("mysql with TLS", MysqlProbe(tls="starttls", tls_verify=False)),
    ],
    "ldap": [
        Sample("ldap", LdapProbe()),
        Sample("ldap that takes any answer", LdapProbe(login="optional")),
        Sample("ldap after StartTLS", LdapProbe(tls="starttls", tls_verify=False)),
        Sample("ldap over TLS", LdapProbe(tls="implicit", tls_verify=False)),
    ],
    "nfs": [Sample("nfs", NfsProbe()), Sample("nfs over udp", NfsProbe(over="udp", versions=("3",)))],
    "ntp": [Sample("ntp", NtpProbe(retransmit=0.1))],
    "pgsql": [Sample("pgsql", PgsqlProbe()), Sample("pgsql with TLS", PgsqlProbe(tls="starttls", tls_verify=False))],
    # The host answers, whatever its port does.
    "ping": [Sample("ping", PingProbe(count=1), frozenset(BEHAVIOURS))],
    "radius": [
        Sample("radius", RadiusProbe(secret=Secret("secret"), retransmit=0.1)),
        Sample("radius with a user", RadiusProbe(secret=Secret("secret"), **LOGIN, expect="any", retransmit=0.1)),
    ],
    "proxy": [
        Sample("proxy", ProxyProbe(url="http://www.example.org/", max_body=65536), _WHOLE | _LARGE, _SLOW),
        Sample("proxy through a tunnel", ProxyProbe(url="https://www.example.org/")),
        Sample("proxy that opens a tunnel", ProxyProbe(connect="www.example.org:443"), _OPENED),
        Sample(
            "proxy that answers anything",
            ProxyProbe(any_answer=True, max_body=65536),
            _WHOLE | _LARGE | {"is_http", "http_status_500"},
            _SLOW,
        ),
    ],
    "redis": [Sample("redis", RedisProbe())],
    "rpc": [
        Sample("rpc", RpcProbe(program="nfs", portmapper=False)),
        Sample("rpc over udp", RpcProbe(program="nfs", version=3, over="udp", portmapper=False)),
        Sample("rpc, all that is registered", RpcProbe(all=True)),
    ],
    "identd": [Sample("identd", IdentdProbe())],
    "imap": [
        Sample("imap", ImapProbe(), frozenset({"imap_resets_after_capability"})),
        Sample("imap with a mailbox", ImapProbe(**LOGIN, mailbox="INBOX")),
        Sample("imap in TLS", ImapProbe(tls="implicit", tls_verify=False)),
    ],
    "lmtp": [Sample("lmtp", LmtpProbe(), frozenset({"smtp_resets_after_ehlo"}))],
    "nntp": [Sample("nntp", NntpProbe(), frozenset({"nntp_closes_at_quit"}))],
    "pop3": [
        Sample("pop3", Pop3Probe(), frozenset({"pop3_resets_at_quit"})),
        Sample("pop3 with a login", Pop3Probe(**LOGIN)),
        Sample("pop3 by STLS", Pop3Probe(tls="starttls", tls_verify=False)),
    ],
    "submission": [
        Sample("submission", SubmissionProbe(tls_verify=False)),
        Sample("submission in clear text", SubmissionProbe(tls="none", auth=()), frozenset({"smtp_resets_after_ehlo"})),
    ],
    "rtsp": [
        Sample("rtsp", RtspProbe()),
        Sample("rtsp with a stream and a login", RtspProbe(path="/live", **LOGIN)),
        Sample("rtsp in TLS", RtspProbe(tls="implicit", tls_verify=False)),
    ],
    "sip": [
        Sample("sip", SipProbe(retransmit=0.1)),
        Sample("sip over TCP", SipProbe(over="tcp")),
        Sample("sip in TLS", SipProbe(tls="implicit", tls_verify=False)),
    ],
    "smtp": [Sample("smtp", SmtpProbe(), frozenset({"smtp_resets_after_ehlo"}))],
    "ssh": [
        Sample("ssh", SshProbe()),
        Sample("ssh, version alone", SshProbe(mode="banner"), frozenset({"is_ssh", "ssh_endless_packets"})),
    ],
    "tcp": [
        # The port accepts: all that was asked. A reset may come before the connection has been looked at.
        Sample(
            "tcp",
            TcpProbe(),
            frozenset(BEHAVIOURS) - {"refuse", "full_backlog"} - OVER_UDP,
            frozenset({"reset_on_accept"}),
        ),
        Sample("tcp that expects", TcpProbe(send=b"PING\r\n", expect=Regex(b"PONG"))),
    ],
    "telnet": [Sample("telnet", TelnetProbe(), frozenset({"is_telnet"}))],
    "tls": [
        Sample("tls that takes any certificate", TlsProbe(tls_verify=False), frozenset(TLS_HANDLERS)),
        Sample("tls", TlsProbe()),
    ],
    "udp": [
        # The port is not closed: all that was asked.
        Sample("udp", UdpProbe(wait=0.1), OVER_UDP),
        Sample("udp that wants a reply", UdpProbe(send=b"PING", reply=True, retransmit=0.1), OVER_UDP - {"udp_silent"}),
        Sample("udp that expects", UdpProbe(send=b"PING", expect=Regex(b"PONG"), retransmit=0.1)),
    ],
}
