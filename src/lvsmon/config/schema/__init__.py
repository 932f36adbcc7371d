"""The configuration as it is written: every section with its keys, their types and what they are for.

The docstrings under the keys are what `lvsmon config schema` and the reference show. A key that is None was not
written; `lvsmon.config.cascade` fills it in. A probe's own settings come from its kind (`lvsmon.config.kinds`).
"""

from lvsmon.config.schema.alert import AlertSection, ChannelSection, DeliverySection, HeartbeatSection
from lvsmon.config.schema.base import Section
from lvsmon.config.schema.beside import BrakeSection, GroupSection, HostSection
from lvsmon.config.schema.cascade import (
    Cascading,
    DefaultsSection,
    FlapSection,
    Probing,
    TunnelSection,
)
from lvsmon.config.schema.director import ControlSection, DirectorSection, HistorySection, SysctlSection
from lvsmon.config.schema.maintenance import MaintenanceSection
from lvsmon.config.schema.vantage import VantageSection
from lvsmon.config.schema.virtual import (
    EntrySection,
    ProbeSection,
    RealserverSection,
    SorrySection,
    VirtualSection,
)

__all__ = [
    "AlertSection",
    "BrakeSection",
    "Cascading",
    "ChannelSection",
    "ControlSection",
    "DefaultsSection",
    "DeliverySection",
    "DirectorSection",
    "EntrySection",
    "FlapSection",
    "GroupSection",
    "HeartbeatSection",
    "HistorySection",
    "HostSection",
    "MaintenanceSection",
    "ProbeSection",
    "Probing",
    "RealserverSection",
    "Section",
    "SorrySection",
    "SysctlSection",
    "TunnelSection",
    "VantageSection",
    "VirtualSection",
]
