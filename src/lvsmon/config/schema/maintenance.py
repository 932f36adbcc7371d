"""``[[maintenance]]``: windows of time in which something is taken out on purpose."""

from typing import Literal

from pydantic import Field

from lvsmon.config.schema.base import Section
from lvsmon.config.values import CronExpression, Lasting, Name, RealserverName, TimeZone


class MaintenanceSection(Section):
    """A maintenance window, which comes again and again."""

    name: Name
    """What logs, `lvsmon history` and commands call it."""

    start: CronExpression
    """When it begins: a cron expression of five fields (minute, hour, day of month, month, day of week)."""

    duration: Lasting
    """How long it lasts, in real time."""

    timezone: TimeZone
    """The time zone of `start`, as in the IANA database; never the machine's own unless it is written here."""

    virtuals: list[Name] = Field(default=[])
    """Names of virtual services; without realservers and tags all of their destinations."""

    realservers: list[RealserverName] = Field(default=[])
    """Names of realservers; without virtuals in every virtual service that has them."""

    tags: list[Name] = Field(default=[])
    """The realservers that have one of these tags, besides those that are named."""

    purpose: Literal["disable", "quiet"] = "disable"
    """What it is for: "disable" gives weight 0; "quiet" leaves the weight to health, and a failure is as planned."""

    comment: str = Field(default="", max_length=200)
    """Why, for people."""
