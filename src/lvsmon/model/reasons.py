"""What each `Reason` means, and what usually causes it: for people who look at a run and wonder what to do.

docs/reference/reasons.md is this table as a page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lvsmon.model.outcome import Reason


@dataclass(frozen=True, slots=True)
class Meaning:
    """One sentence, and usual causes: the likeliest first."""

    sentence: str
    causes: tuple[str, ...] = ()


MEANINGS: Final[Mapping[Reason, Meaning]] = {
    Reason.OK: Meaning("The realserver serves, and everything that was asked for is as it should be."),
    Reason.DEGRADED: Meaning(
        "The realserver serves, but something is not as it should be; it keeps its place.",
        (
            "a limit for warnings is exceeded: a certificate ends soon, replication lags, a clock drifts",
            "one of several things that were looked at is not right",
        ),
    ),
    Reason.REFUSED: Meaning(
        "The realserver's host is there, but nothing listens on this port.",
        (
            "the daemon is not running, or has just crashed or been stopped",
            "it listens on another port, or on 127.0.0.1 only",
            "with direct routing or a tunnel: it does not listen on the VIP",
            "a firewall on the realserver rejects the connection",
        ),
    ),
    Reason.UNREACHABLE: Meaning(
        "The network says that the realserver cannot be reached.",
        (
            "the host is down, or its link or switch is (nobody answers ARP or neighbour discovery)",
            "a router or firewall on the way rejects the packets",
            "the address is wrong, or has moved to another network",
        ),
    ),
    Reason.RESET: Meaning(
        "The realserver broke the connection off (TCP reset).",
        (
            "the daemon crashed or was restarted in the midst of the conversation",
            "it drops clients that it does not know: an access list, a limit of connections, TCP wrappers",
            "a firewall or a load balancer on the way cuts connections",
            "it did not read all that it was sent before it closed",
        ),
    ),
    Reason.CLOSED: Meaning(
        "The realserver closed the connection before it had said what it should.",
        (
            "the daemon has reached its limit of connections or processes",
            "it serves this client no more: an access list, a ban after failed logins, a rate limit",
            "it speaks another protocol on this port, or wants TLS from the start",
            "its worker process died; its own log says why",
        ),
    ),
    Reason.DEADLINE: Meaning(
        "The realserver was not done within the probe's timeout; the detail says how far it had come.",
        (
            "still connecting: the host is down, a firewall drops the packets, or the daemon's backlog is full",
            "still waiting for the first byte: the daemon hangs, is overloaded, or waits for something behind it",
            "it looks up the client's name first, and its DNS or the director's identd is silent",
            "it says nothing to strangers: it does not know the director, or its shared secret is another (RADIUS)",
            "still talking, or waiting for one answer of several: it answers too slowly, or never ends",
            "the other side speaks first: the kind or the port is wrong, or the port wants TLS",
            "it is healthy but slower than the timeout: raise timeout",
        ),
    ),
    Reason.PROTOCOL: Meaning(
        "What the realserver sent is not the protocol that was expected.",
        (
            "another daemon listens on this port",
            "the port wants TLS and was spoken to in clear text, or the other way round",
            "a proxy or a captive page answers in its place",
            "a bug in the daemon, or in lvsmon: the dialogue shows which bytes",
        ),
    ),
    Reason.REJECTED: Meaning(
        "The realserver speaks the protocol and says no.",
        (
            "an error of its own: the application behind it is down, a disk is full (status 500, reply 4xx or 5xx)",
            "it is in maintenance, or shutting down",
            "what was asked for is not there: the path, the zone, the database, the export",
            "it does not serve the director's address",
        ),
    ),
    Reason.EXPECTATION: Meaning(
        "The realserver serves, but not what was asked for.",
        (
            "the content is wrong or old: a deployment or a replication went wrong",
            "the request lands in another virtual host: hostname or host is not what clients use",
            "it redirects: probe the place that it redirects to",
            "the expectation is too narrow: an upgrade has changed a banner or a page",
        ),
    ),
    Reason.DIFFERS: Meaning(
        "The realserver serves something else than the other realservers of its virtual service.",
        (
            "a deployment or a replication has not reached it, or has reached it alone",
            "it was set up anew: its host key, its certificate or its version is not the common one",
            "what is compared is different by its nature: a date, a counter, a host name (ignore)",
        ),
    ),
    Reason.TLS: Meaning(
        "No TLS connection could be made with the realserver.",
        (
            "the port speaks clear text, or wants STARTTLS first",
            "it knows no version or cipher that is still accepted",
            "it wants to see a client certificate",
            "it has no certificate for the name that was asked for (SNI)",
        ),
    ),
    Reason.CERTIFICATE: Meaning(
        "The realserver's certificate is not one that clients of the VIP accept.",
        (
            "it has expired, or has been renewed on disk without a reload of the daemon",
            "it is for another name than the one clients use",
            "an intermediate certificate is missing in what the realserver sends",
            "it is signed by a CA that the director does not know: set tls_ca_file",
        ),
    ),
    Reason.AUTHENTICATION: Meaning(
        "The realserver did not accept who the probe says it is.",
        (
            "the password was changed, or the account is locked or expired",
            "the account may not log in from the director's address, or not in this way (clear text without TLS)",
            "what the realserver asks for accounts (LDAP, RADIUS, a database) does not answer",
        ),
    ),
    Reason.LOCAL_RESOURCES: Meaning(
        "The director has run out of something; this says nothing about the realserver.",
        (
            "too many open files: raise LimitNOFILE of the service, or ulimit -n",
            "no free local port: too many connections in TIME_WAIT, or ip_local_port_range is narrow",
            "memory is short",
        ),
    ),
    Reason.LOCAL_PERMISSION: Meaning(
        "The director may not do what the probe needs; this says nothing about the realserver.",
        (
            "a firewall rule of the director's own drops outgoing packets",
            "a capability is missing: the detail says which one to grant",
            "a security module (AppArmor, SELinux, seccomp, systemd's restrictions) forbids it",
        ),
    ),
    Reason.LOCAL_NETWORK: Meaning(
        "The director has no way to the realserver or to its name servers; this says nothing about the realserver.",
        (
            "no route to this network: an interface is down or an address is missing (ip route get ADDRESS)",
            "IPv6 is switched off here",
            "a host name cannot be looked up: it does not exist, or the director's resolver (/etc/resolv.conf) is dead",
        ),
    ),
    Reason.LOCAL_FAULT: Meaning(
        "Something on the director kept the probe from running; this says nothing about the realserver.",
        ("the detail names it: a setting, a file, an error of the kernel",),
    ),
    Reason.REFERENCE: Meaning(
        "What the realserver is to be compared with could not be had; this says nothing about the realserver.",
        (
            "the primary, or whatever else the probe refers to, is down or cannot be reached from the director",
            "it does not answer the director's address",
        ),
    ),
    Reason.UNDECIDED: Meaning(
        "The realservers could not be compared, or differ with no majority; this says nothing about the realserver.",
        (
            "a deployment is under way: as many realservers have the new state as have the old one",
            "too few of the realservers answer, or the one that is the reference does not",
            "what is compared is different on each of them: a date, a counter, a host name (ignore)",
        ),
    ),
    Reason.MISSING_PROGRAM: Meaning(
        "A program that the probe runs is not there or cannot be started; this says nothing about the realserver.",
        ("its package is not installed on the director", "its path is wrong, or it may not be executed"),
    ),
    Reason.STARVED: Meaning(
        "The director itself had no time to listen; this says nothing about the realserver.",
        (
            "the director's processor is overloaded, or the machine was suspended or stolen from (virtual machines)",
            "too many probes for this machine: lengthen their intervals",
            "the overall deadline of the look was too short",
        ),
    ),
    Reason.PROBE_BUG: Meaning(
        "A bug in lvsmon or in a plug-in; this says nothing about the realserver.",
        ("the log has the traceback: please report it",),
    ),
}
