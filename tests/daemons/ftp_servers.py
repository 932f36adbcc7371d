"""FTP servers of three makes on loopback, that serve one directory."""

import subprocess

from daemons.conftest import UNPACKED, find, free_port, probe_once, ready
from lvsmon.model.settings import Secret
from lvsmon.probes.ftp import FtpProbe

VSFTPD = """
background=NO
listen{six}=YES
listen_address{six_}={host}
listen_port={port}
anonymous_enable=YES
anon_root={files}
secure_chroot_dir={empty}
ftp_username=ftp
local_enable=YES
pam_service_name=lvsmon-lets-nobody-in
tcp_wrappers=NO
xferlog_enable=NO
vsftpd_log_file={directory}/log
{more}
"""
PASSWORD = "a secret"
HASHED = "$1$lvsmon$UxfxbmjkLIE6/grU/SyTt1"
"""The same by `openssl passwd -1`: what Pure-FTPd's own tool makes of it takes seconds to check."""


class Server:
    def __init__(self, daemon, host, port):
        self.daemon = daemon
        self.host = host
        self.port = port

    def probe(self, timeout=10.0, **settings):
        return probe_once(FtpProbe(**settings), self.port, self.host, timeout=timeout)

    def ready(self, configuration):
        """Wait until the daemon, set up as told, answers at all."""
        implicit = {"tls": "implicit", "tls_verify": False} if "implicit" in str(configuration).lower() else {}
        ready(lambda: self.probe(login="none", timeout=1, **implicit))
        return self


def vsftpd(start, served, host, more=""):
    directory, port, over6 = served.parent, free_port(), ":" in host
    text = VSFTPD.format(
        six="_ipv6" if over6 else "",
        six_="6" if over6 else "",
        host=host,
        port=port,
        files=served,
        empty=directory / "jail",
        directory=directory,
        more=more,
    )
    daemon = start("vsftpd", "{directory}/vsftpd.conf", files={"vsftpd.conf": text}, directory=directory)
    server = Server(daemon, host, port)
    return server.ready(more)


def pure_ftpd(start, served, host, *more):
    """With one virtual user, joe, whose password is `PASSWORD`."""
    directory, port = served.parent, free_port()
    pure_pw = find("pure-pw")
    if pure_pw is not None:
        (directory / "users").write_text(f"joe:{HASHED}:65534:65534::{served}/./::::::::::::\n")
        subprocess.run([pure_pw, "mkdb", directory / "users.pdb", "-f", directory / "users"], check=True)
    options = ("-S", f"{host},{port}", "-H", "-l", "puredb:{directory}/users.pdb", "-g", "{directory}/pid", *more)
    server = Server(start("pure-ftpd", *options, directory=directory), host, port)
    return server.ready(more)


ANONYMOUS = {}
JOE = {"user": "joe", "password": Secret(PASSWORD)}

PROFTPD = """
ModulePath {modules}
LoadModule mod_tls.c
ServerType standalone
ServerName "files"
DefaultAddress {host}
Port {port}
UseIPv6 on
UseReverseDNS off
User nobody
Group nogroup
AuthUserFile {directory}/passwd
AuthOrder mod_auth_file.c
RequireValidShell off
WtmpLog off
TransferLog none
SystemLog {directory}/log
PidFile {directory}/pid
ScoreboardFile none
{more}
"""


def proftpd(start, served, host, more=""):
    """With one user, joe, whose password is `PASSWORD`."""
    directory, port = served.parent, free_port()
    passwd = directory / "passwd"
    passwd.write_text(f"joe:{HASHED}:65534:65534::{served}:/bin/false\n")
    passwd.chmod(0o600)
    text = PROFTPD.format(
        modules=UNPACKED / "proftpd-mod-crypto/usr/lib/proftpd", host=host, port=port, directory=directory, more=more
    )
    files = {"proftpd.conf": text}
    daemon = start("proftpd", "-n", "-c", "{directory}/proftpd.conf", files=files, directory=directory)
    server = Server(daemon, host, port)
    return server.ready(more)
