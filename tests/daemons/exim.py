"""Exim in the foreground, from a directory of the test's, with a certificate of an authority of its own."""

import shutil

from certificates import issue
from daemons.conftest import free_port

NAME = "mail.example.org"
HEAD = """
primary_hostname = {name}
daemon_smtp_ports = {port}
local_interfaces = <; 127.0.0.1 ; ::1
spool_directory = {directory}/spool
log_file_path = {directory}/log/%slog
pid_file_path = {directory}/exim.pid
exim_user = mail
exim_group = mail
keep_environment =
rfc1413_query_timeout = 0s
host_lookup =
tls_advertise_hosts = *
tls_certificate = {certificate}
tls_privatekey = {key}
"""


def certify(folder):
    """Lay an authority and the server's certificate and key into ``folder``; return settings that trust it."""
    authority = issue("Test CA", ca=True)
    (folder / "ca.pem").write_text(authority.pem)
    _, key = issue(NAME, by=authority, names=[NAME]).write(folder, "server")
    shutil.chown(key, "mail")
    return {"tls_ca_file": str(folder / "ca.pem"), "tls_name": NAME}


def settings(folder, name):
    """Return what a mail server's configuration is filled with, and make its directory in ``folder``."""
    directory = folder / name
    directory.mkdir()
    return {
        "directory": directory, "port": free_port(), "name": NAME,
        "certificate": folder / "server.pem", "key": folder / "server.key",
    }  # fmt: skip


def start_exim(start, filled, config):
    """Start it as ``config``, filled with ``filled`` and with `HEAD` before it, says."""
    for place in ("spool", "log", "mail"):
        (filled["directory"] / place).mkdir()
        shutil.chown(filled["directory"] / place, "mail", "mail")
    text = (HEAD + config).format(**filled)
    return start(
        "exim4", "-bdf", "-C", "{directory}/exim.conf", files={"exim.conf": text}, directory=filled["directory"]
    )
