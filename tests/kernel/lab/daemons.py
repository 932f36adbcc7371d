"""The real daemons of a realserver: each as Debian ships it, with a configuration written for the one realserver.

Each answers with the realserver's name, so that a client can tell who answered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Daemon:
    """How a daemon is run: its port, and what writes its configuration into a folder and returns its command line."""

    port: int
    prepare: Callable[[str, Path], list[str]]


def _nginx(name: str, folder: Path) -> list[str]:
    config = folder / "nginx.conf"
    config.write_text(f"""
        daemon off;
        worker_processes 1;
        pid {folder}/nginx.pid;
        error_log {folder}/error.log;
        events {{ worker_connections 256; }}
        http {{
            access_log off;
            client_body_temp_path {folder}/body;
            proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/fastcgi;
            uwsgi_temp_path {folder}/uwsgi;
            scgi_temp_path {folder}/scgi;
            server {{
                listen 80;
                listen [::]:80;
                location / {{ return 200 "{name}\\n"; }}
            }}
        }}
    """)
    return ["nginx", "-e", f"{folder}/error.log", "-c", str(config)]


def _telnetd(name: str, folder: Path) -> list[str]:
    config = folder / "inetd.conf"
    config.write_text(
        "telnet stream tcp4 nowait root /usr/sbin/telnetd telnetd\n"
        "telnet stream tcp6only nowait root /usr/sbin/telnetd telnetd\n"
    )
    return ["inetutils-inetd", "--debug", f"--pidfile={folder}/inetd.pid", str(config)]


def _exim(name: str, folder: Path) -> list[str]:
    config = folder / "exim.conf"
    (folder / "spool").mkdir(exist_ok=True)
    config.write_text(f"""
primary_hostname = {name}.lab
spool_directory = {folder}/spool
log_file_path = {folder}/%slog
local_interfaces = <; 0.0.0.0 ; ::0
daemon_smtp_ports = 25
tls_advertise_hosts =
host_lookup =
keep_environment =
acl_smtp_rcpt = refuse

begin acl
refuse:
  deny
""")
    return ["exim4", "-C", str(config), "-bdf", "-oP", f"{folder}/exim.pid"]


def _dnsmasq(name: str, folder: Path) -> list[str]:
    config = folder / "dnsmasq.conf"
    config.write_text(
        f"keep-in-foreground\nuser=root\npid-file={folder}/dnsmasq.pid\nno-resolv\nno-hosts\n"
        f"txt-record=whoami.lab,{name}\n"
    )
    return ["dnsmasq", f"--conf-file={config}"]


DAEMONS: Final = {
    "nginx": Daemon(80, _nginx),
    "telnetd": Daemon(23, _telnetd),
    "exim": Daemon(25, _exim),
    "dnsmasq": Daemon(53, _dnsmasq),
}
