"""How mon, ldirectord and keepalived look at what a kind of ours looks at: one entry for each kind that they have.

Each is told what the probe is told, as far as it has a setting for it, and what its own manual recommends otherwise.
"""

import itertools
import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lvsmon.model.settings import Secret
from lvsmon.probes.programs import Wanted

MONITORS = Path("/usr/lib/mon/mon.d")
LDIRECTORD = Path(__file__).with_name("ldirectord.pl")
DICTIONARY = Path(__file__).with_name("radius.dictionary")
"""Of the attributes that mon's radius.monitor sends, by the names of its day: no package has them any more."""

TIMEOUT = 2
"""Seconds that a peer is told to wait."""

PATIENCE = 12
"""Seconds after which a peer that is not done is taken to hang: none of them has a limit of its own then."""

PACKAGES = ("keepalived", "ldirectord", "mon")
TOGETHER = 12


def said(probe, name, default=""):
    """Return a setting of a probe as text, ``default`` where it has none."""
    value = getattr(probe, name, None)
    if isinstance(value, Secret):
        value = value.reveal()
    if hasattr(value, "pattern"):
        value = value.pattern
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return str(value) if value else default


def mon(probe, address, port):
    """Return {name: command} of the monitors that mon has for a kind; none for IPv6, which they do not know.

    Not sslcert.monitor, which takes names alone: of an address it can say nothing good.
    """
    timed = ["-p", str(port), "-t", str(TIMEOUT)]
    login = ["--username", said(probe, "user", said(probe, "username")), "--password", said(probe, "password")]
    database = ["--database", said(probe, "database", "information_schema")]  # it wants to see a table in it
    wanted = said(probe, "expect")
    known = {
        "ftp": ["ftp.monitor", *timed],
        "http": ["http.monitor", *timed, "-u", said(probe, "path", "/"), *(["-m", wanted] if wanted else [])],
        "imap": ["imap.monitor", *timed],
        "ldap": [
            "ldap.monitor",
            "--port",
            str(port),
            "--basedn",
            said(probe, "base"),
            "--filter",
            said(probe, "filter", "(objectClass=*)"),
            "--attribute",
            said(probe, "attribute", "objectClass"),
            "--value",
            said(probe, "value", "top"),
        ],
        "mysql": [
            "msql-mysql.monitor",
            "--mode",
            "mysql",
            "--port",
            str(port),
            "--timeout",
            str(TIMEOUT),
            *login,
            *database,
        ],
        "nntp": ["nntp.monitor", *timed],
        "pop3": ["pop3.monitor", *timed],
        "radius": [
            "radius.monitor",
            "--port",
            str(port),
            *login,
            "--secret",
            said(probe, "secret", "x"),
            "--attempts",
            "1",
            "--dictionary",
            str(DICTIONARY),
        ],
        "ping": ["fping.monitor", "-r", "0", "-t", str(TIMEOUT * 1000)],
        "rpc": [
            "rpc.monitor",
            "-t",
            str(TIMEOUT),
            *(["-a"] if getattr(probe, "all", False) else []),
            *(word for name in getattr(probe, "required", ()) for word in ("-r", str(Wanted.read(name).program))),
        ],
        "smtp": ["smtp.monitor", *timed],
        "tcp": ["tcp.monitor", *timed],
        "telnet": ["telnet.monitor", *timed, "-l", "/ogin:/i"],
    }
    known["submission"] = known["smtp"]
    if ":" in address or probe.kind not in known:
        return {}
    name, *words = known[probe.kind]
    return {f"mon {name}": [str(MONITORS / name), *words, address]}


def ldirectord(probe, address, port):
    """Return {name: {"v": a virtual block, "r": a real line, "env": variables}} of ldirectord's checks for a kind.

    Not of imap: Net::IMAP::Simple 1.2211 asks port 143 of an IPv4 address, whatever port it is told.
    """
    login = {"login": said(probe, "user", said(probe, "username")), "passwd": said(probe, "password")}
    wanted, implicit = said(probe, "expect", said(probe, "value")), getattr(probe, "tls", "") == "implicit"
    sql = {**login, "database": said(probe, "database"), "request": "/" + said(probe, "query", "SELECT 1")}
    page = {"request": said(probe, "path", "/"), "receive": wanted, "virtualhost": "shop.example.org"}
    known = {
        "dns": {
            "request": "/" + said(probe, "name"), "protocol": said(probe, "over", "udp"),
            "receive": "|".join(map(re.escape, probe.expect)) or "." if probe.kind == "dns" else "",
        },
        "ftp": {
            "login": said(probe, "user", "anonymous"), "passwd": said(probe, "password", "x@example.org"),
            "request": "/" + said(probe, "file", "README"), "receive": ".",
        },
        "http": page,
        "https": page,
        "ldap": {
            "service": "ldaps" if implicit else "ldap",
            "login": said(probe, "bind_dn"), "passwd": said(probe, "password"),
            "request": "/" + said(probe, "base"), "receive": "",
        },
        "mysql": {"login": "lvsmon", **{key: value for key, value in sql.items() if value}},
        "nntp": {},
        "pgsql": {"login": "lvsmon", **{key: value for key, value in sql.items() if value}},
        "ping": {"checktype": "ping"},
        "pop3": {"service": "pops" if implicit else "pop", **login},
        "radius": {**login, "secret": said(probe, "secret", "x"), "protocol": "udp"},
        "proxy": {"service": "http_proxy"},
        "sip": {
            "login": said(probe, "uri", "sip:lvsmon@sip.example.org").removeprefix("sip:"),
            "protocol": said(probe, "over", "udp"),
        },
        "smtp": {},
        "submission": {},
        "tcp": {"checktype": "connect"},
    }  # fmt: skip
    if probe.kind not in known:
        return {}
    virtual = {"service": probe.kind, **known[probe.kind]}
    checks = {f"ldirectord {virtual.get('checktype', virtual['service'])}": virtual}
    if probe.kind == "tcp" and wanted:
        talk = {"service": "simpletcp", "request": "/" + said(probe, "send"), "receive": wanted}
        checks["ldirectord simpletcp"] = talk
    host = f"[{address}]" if ":" in address else address
    real = {"server": host, "port": port}
    if probe.kind in {"http", "https"}:
        real["url"] = f"{probe.kind}://{host}:{port}/{page['request'].lstrip('/')}"
    if probe.kind == "proxy":
        real["url"] = said(probe, "url")
    authority = said(probe, "tls_ca_file")  # ldirectord trusts who the system trusts
    trust = {"PERL_LWP_SSL_CA_FILE": authority, "SSL_CERT_FILE": authority} if authority else {}
    return {name: {"v": virtual, "r": real, "env": trust} for name, virtual in checks.items()}


def keepalived(probe):
    """Return {name: what stands in the realserver's block} of keepalived's checkers for a kind."""
    url = f"url {{ path {said(probe, 'path', '/')} status_code 200 }}"
    known = {
        "dns": {"DNS_CHECK": f"type {said(probe, 'type', 'SOA')}\n name {said(probe, 'name')}"},
        "http": {"HTTP_GET": url},
        "https": {"SSL_GET": url},
        "smtp": {"SMTP_CHECK": ""},
        "tcp": {"TCP_CHECK": ""},
        "udp": {"UDP_CHECK": ""},
    }
    common = f"connect_timeout {TIMEOUT}\n retry 1\n delay_before_retry 1\n warmup 0"
    return {
        f"keepalived {name}": f"{name} {{\n {common}\n {more}\n}}" for name, more in known.get(probe.kind, {}).items()
    }


def names(probe):
    """Return the names of all checks that the peers have for a probe's kind."""
    return [*mon(probe, "127.0.0.1", 1), *ldirectord(probe, "127.0.0.1", 1), *keepalived(probe)]


def look(cases, wanted=lambda _key, _check: True):
    """Run mon's and ldirectord's checks that are ``wanted``; ``cases`` are (key, probe, address, port).

    Yield (key, check, verdict).
    """
    commands, jobs = (
        [(key, name, work) for key, *where in cases for name, work in known(*where).items() if wanted(key, name)]
        for known in (mon, ldirectord)
    )
    with ThreadPoolExecutor(TOGETHER) as pool:
        verdicts = pool.submit(_ldirectord, [job for _, _, job in jobs])
        for (key, name, _), verdict in zip(commands, pool.map(_mon, [words for *_, words in commands]), strict=True):
            yield key, name, verdict
        for (key, name, _), verdict in zip(jobs, verdicts.result(), strict=True):
            yield key, name, verdict


def _mon(words):
    """Run a monitor as mon does: nothing but its exit status counts, and a signal counts as success (contracts)."""
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            status = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            return "hangs"
    return "down" if status > 0 else "up"


def _ldirectord(jobs):
    if not jobs:
        return []
    lines = "".join(json.dumps({"id": number, **job}) + "\n" for number, job in enumerate(jobs))
    done = subprocess.run(
        ["perl", str(LDIRECTORD), str(TOGETHER * 4), str(PATIENCE)],
        input=lines,
        capture_output=True,
        text=True,
        check=True,
    )
    told = {one["id"]: one["verdict"] for one in map(json.loads, done.stdout.splitlines())}
    return [told[number] for number in itertools.takewhile(lambda number: number in told, itertools.count())]


def versions():
    """Return the version of each package."""
    done = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *PACKAGES], capture_output=True, text=True, check=True
    )
    return dict(line.split() for line in done.stdout.splitlines())
