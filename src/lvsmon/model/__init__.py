"""The words of lvsmon as frozen values; no input, no output, nothing of ours imported."""

from lvsmon.model.certificate import Certificate, Revocation
from lvsmon.model.decision import Choice, DestinationId, Notice, NoticeKind, Rule
from lvsmon.model.expression import Both, Either, Expression, Name, Not, evaluate, names
from lvsmon.model.health import Damping, Health, ProbeState, Transition
from lvsmon.model.host import Brake, Group, Host
from lvsmon.model.outcome import NO_FACTS, FactValue, Outcome, Phases, Reason, Target, Verdict
from lvsmon.model.pause import Pause
from lvsmon.model.policy import NONE, ONE, ORDINARY, Amount, Flap, Initial, Manage, OnDrift, Policy, Poll
from lvsmon.model.table import (
    Counters,
    DestinationEntry,
    DestinationKey,
    DestinationSettings,
    Family,
    Forward,
    Protocol,
    Table,
    Tunnel,
    TunnelType,
    VirtualEntry,
    VirtualKey,
    VirtualSettings,
)
from lvsmon.model.through import Through
from lvsmon.model.virtual import Destination, OnFailure, RealServer, VirtualService
from lvsmon.model.weight import MAX_WEIGHT, Weight
from lvsmon.model.wish import Wish, WishKind, standing

__all__ = [
    "MAX_WEIGHT",
    "NONE",
    "NO_FACTS",
    "ONE",
    "ORDINARY",
    "Amount",
    "Both",
    "Brake",
    "Certificate",
    "Choice",
    "Counters",
    "Damping",
    "Destination",
    "DestinationEntry",
    "DestinationId",
    "DestinationKey",
    "DestinationSettings",
    "Either",
    "Expression",
    "FactValue",
    "Family",
    "Flap",
    "Forward",
    "Group",
    "Health",
    "Host",
    "Initial",
    "Manage",
    "Name",
    "Not",
    "Notice",
    "NoticeKind",
    "OnDrift",
    "OnFailure",
    "Outcome",
    "Pause",
    "Phases",
    "Policy",
    "Poll",
    "ProbeState",
    "Protocol",
    "RealServer",
    "Reason",
    "Revocation",
    "Rule",
    "Table",
    "Target",
    "Through",
    "Transition",
    "Tunnel",
    "TunnelType",
    "Verdict",
    "VirtualEntry",
    "VirtualKey",
    "VirtualService",
    "VirtualSettings",
    "Weight",
    "Wish",
    "WishKind",
    "evaluate",
    "names",
    "standing",
]
