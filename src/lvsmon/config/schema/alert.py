"""``[[alert]]``, ``[channel.NAME]`` and ``[heartbeat]``: who is told of what, and how."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from lvsmon.config.alert_values import (
    AfterSetting,
    Every,
    Lasting,
    LimitSetting,
    PeriodText,
    TemplateText,
    TimeOfDay,
    Wait,
)
from lvsmon.config.schema.base import Section
from lvsmon.config.values import Count, Keep, Name, RealserverName, TimeZone
from lvsmon.model.settings import shown

SeverityName = Literal[
    "warn", "certificate", "cannot_probe", "drift", "flapping", "down", "sorry", "floor", "config_refused", "state",
    "kernel", "brake",
]  # fmt: skip


def _resolve(value: object) -> object:
    """Read true, false or "always"."""
    if value is not True and value is not False and value != "always":
        raise ValueError(f'write true, false or "always", not {shown(value)}')
    return "always" if value == "always" else "told" if value else "never"


class ChannelSection(Section):
    """What every channel has besides its kind's own settings."""

    kind: str
    """What carries the alerts."""


class AlertSection(Section):
    """A route: what is told to whom, and when. Routes are asked in their order."""

    name: Name
    """What alerts, logs and commands call it."""

    to: list[Name] = Field(min_length=1, examples=[["mail"]])
    """Names of the channels, each a section [channel.NAME]."""

    severities: list[SeverityName] = Field(default=[])
    """What kinds of news; all where it is not written."""

    virtuals: list[Name] = Field(default=[])
    """Virtual services, by name; all, and what concerns the director, where it is not written."""

    realservers: list[RealserverName] = Field(default=[])
    """Realservers, by name; all where it is not written."""

    tags: list[Name] = Field(default=[])
    """What has one of these tags, itself or its virtual service; everything where it is not written."""

    when: PeriodText | None = None
    """When people are told: a period as mon has it, or cron's five fields; always where it is not written."""

    unless: PeriodText | None = None
    """When they are not, written in the same way."""

    timezone: TimeZone | None = None
    """The time zone of `when`, `unless` and `digest`, and of times in the texts; UTC where none is needed."""

    after: AfterSetting | None = Field(default=None, json_schema_extra={"default": "0s"})
    """How long trouble must last: a number of failures in a row, a time, or failures within a time ("3 in 30m")."""

    every: Every | None = None
    """How often it is repeated while it lasts; never where it is not written."""

    max: Count | None = None
    """How many messages of one incident at most, its end not counted."""

    resolve: Annotated[
        Literal["told", "never", "always"], BeforeValidator(_resolve, json_schema_input_type=bool | Literal["always"])
    ] = Field(default="told", json_schema_extra={"default": True})
    """Whether the end is told of what was told; "always" also of what was over before it was told."""

    resolve_after: Lasting = 0.0
    """How long it must have lasted for its end to be told."""

    acknowledgements: bool = True
    """Whether it is told that somebody has acknowledged what was told."""

    group_by: Literal["destination", "virtual", "realserver", "director"] = "virtual"
    """What is told together, in one message and one thread."""

    group_wait: Wait = 10.0
    """How long to wait for more that belongs to the same message; what is over within it is not told."""

    digest: list[TimeOfDay] = Field(default=[])
    """Times of the day at which everything since the last one is told in one message, in place of at once."""

    limit: LimitSetting | None = Field(default=None, json_schema_extra={"default": "60 in 1h"})
    """How many messages in what time; what is more is summed up in one. "off" is without end."""

    stop: bool = False
    """Whether what this route takes is shown to no route after it."""

    subject: TemplateText | None = None
    """Template of the subject."""

    text: TemplateText | None = None
    """Template of the text."""

    html: TemplateText | None = None
    """Template of the text as HTML, for channels that have it; what is put into it is escaped."""


class HeartbeatSection(Section):
    """A sign of life, so that somebody notices when lvsmon is gone; in the main file only."""

    to: list[Name] = Field(min_length=1, examples=[["watchdog"]])
    """Names of the channels that it goes to."""

    every: Every = 60.0
    """How often."""


class DeliverySection(Section):
    """What holds for all alerts; in the main file only."""

    life: Keep = 86400.0
    """How long an alert is tried again before it is given up."""
