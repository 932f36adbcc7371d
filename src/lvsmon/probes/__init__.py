"""The table of built-in kinds, one line each; a kind's module is loaded when it is first named."""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from lvsmon.probes.base import Probe

BUILTIN: Final[Mapping[str, str]] = {
    "agent": "lvsmon.probes.agent:AgentProbe",
    "ajp": "lvsmon.probes.ajp:AjpProbe",
    "content": "lvsmon.probes.content:ContentProbe",
    "dns": "lvsmon.probes.dns:DnsProbe",
    "exec": "lvsmon.probes.exec:ExecProbe",
    "fastcgi": "lvsmon.probes.fastcgi:FastcgiProbe",
    "file": "lvsmon.probes.file:FileProbe",
    "ftp": "lvsmon.probes.ftp:FtpProbe",
    "http": "lvsmon.probes.http:HttpProbe",
    "https": "lvsmon.probes.https:HttpsProbe",
    "identd": "lvsmon.probes.identd:IdentdProbe",
    "imap": "lvsmon.probes.imap:ImapProbe",
    "ldap": "lvsmon.probes.ldap:LdapProbe",
    "lmtp": "lvsmon.probes.lmtp:LmtpProbe",
    "memcached": "lvsmon.probes.memcached:MemcachedProbe",
    "mysql": "lvsmon.probes.mysql:MysqlProbe",
    "nfs": "lvsmon.probes.nfs:NfsProbe",
    "nntp": "lvsmon.probes.nntp:NntpProbe",
    "ntp": "lvsmon.probes.ntp:NtpProbe",
    "pgsql": "lvsmon.probes.pgsql:PgsqlProbe",
    "ping": "lvsmon.probes.ping:PingProbe",
    "pop3": "lvsmon.probes.pop3:Pop3Probe",
    "proxy": "lvsmon.probes.proxy:ProxyProbe",
    "radius": "lvsmon.probes.radius:RadiusProbe",
    "redis": "lvsmon.probes.redis:RedisProbe",
    "rpc": "lvsmon.probes.rpc:RpcProbe",
    "rtsp": "lvsmon.probes.rtsp:RtspProbe",
    "sip": "lvsmon.probes.sip:SipProbe",
    "smtp": "lvsmon.probes.smtp:SmtpProbe",
    "ssh": "lvsmon.probes.ssh:SshProbe",
    "submission": "lvsmon.probes.submission:SubmissionProbe",
    "tcp": "lvsmon.probes.tcp:TcpProbe",
    "telnet": "lvsmon.probes.telnet:TelnetProbe",
    "tls": "lvsmon.probes.tls:TlsProbe",
    "udp": "lvsmon.probes.udp:UdpProbe",
}


def load(kind: str) -> type[Probe]:
    """Return the class of ``kind``; raise KeyError if there is none."""
    module, _, name = BUILTIN[kind].partition(":")
    found: type[Probe] = getattr(import_module(module), name)
    return found
