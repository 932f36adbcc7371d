"""What a peer's check can be told: it is held against a probe of ours only where it could pass a server that is well.

A daemon that hangs or is gone is no use to any client, whatever is asked of it: there each check is run.
"""

from verdicts.record import ENDED, STOPPED

_WITHIN_TLS = {
    "ldirectord connect", "ldirectord https", "ldirectord ldaps", "ldirectord pops", "keepalived SSL_GET",
    "keepalived TCP_CHECK", "mon tcp.monitor",
}  # fmt: skip
_PATIENCE = {"a server that makes clients wait"}
"""Where the verdict is that of the probe's own timeout: the peers are told another one."""

_NO_STARTTLS = {"ldap", "mysql", "ftp"}
"""Kinds whose servers are often set up to refuse who does not begin TLS; no peer begins it there."""


def compares(check, probe, situation=""):
    """Say whether what ``check`` of a peer makes of a server says something beside what ``probe`` makes of it."""
    if situation in {STOPPED, ENDED}:
        return True
    if situation in _PATIENCE:
        return False
    tls = getattr(probe, "tls", "none")
    if tls == "implicit" and check not in _WITHIN_TLS:
        return False
    if tls == "starttls" and probe.kind in _NO_STARTTLS:
        return False
    return _CONDITIONS.get(check, _CONDITIONS.get(probe.kind, _always))(probe)


def _always(_):
    return True


def _page(probe):
    """One request without anything special, for a page: neither a client certificate, nor a login, nor a status."""
    special = ("tls_client_certificate", "username", "token", "body", "secret_body", "headers")
    usual = not any(getattr(probe, name, None) for name in special)
    return usual and probe.version != "2" and probe.method in {"GET", "HEAD"} and 200 in probe.status


def _record(probe):
    """ldirectord's dns asks for an address, unsigned, and wants one."""
    return probe.type.upper() == "A" and probe.rcode == "NOERROR" and not probe.nodata and not probe.tsig_name


def _entry(probe):
    """ldirectord's ldap reads one entry; mon's compares one attribute of all entries with a value, without a login."""
    return probe.min_entries > 0


def _attribute(probe):
    return bool(probe.base and probe.attribute and probe.value and probe.min_entries > 0 and not probe.bind_dn)


def _login(probe):
    return bool(getattr(probe, "user", None) or getattr(probe, "username", None))


def _let_in(probe):
    return bool(probe.username and probe.expect == "accept" and not probe.accounting)


def _file(probe):
    """ldirectord's ftp logs in, asks for passive mode and fetches a file."""
    return probe.login == "required" and "passive" in probe.modes


def _through(probe):
    """ldirectord's http_proxy fetches a page without a login."""
    return bool(probe.url and probe.url.startswith("http:") and not probe.username and not probe.any_answer)


def _all_or_named(probe):
    """mon's rpc.monitor asks the portmapper, and then everything or what is named."""
    return bool(probe.all or probe.required)


_CONDITIONS = {
    "http": _page,
    "https": _page,
    "ldirectord dns": _record,
    "ldirectord ftp": _file,
    "ldirectord http_proxy": _through,
    "ldirectord ldap": _entry,
    "ldirectord ldaps": _entry,
    "mon ldap.monitor": _attribute,
    "mon rpc.monitor": _all_or_named,
    "mysql": _login,
    "pgsql": _login,
    "radius": _let_in,
}
"""By check, or by kind for all checks of it."""
