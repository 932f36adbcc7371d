"""Channels from what a configuration writes for them."""

import dataclasses
import typing

from pydantic import create_model

from lvsmon import actions
from lvsmon.config.kinds import _lenient
from lvsmon.config.schema.base import Section
from lvsmon.model.settings import Secret


def channel_of(table):
    """Return the channel that a table writes; a ``_file`` or ``_env`` of a secret stands for one that may be a URL."""
    kind = actions.load(table["kind"])
    hints = typing.get_type_hints(kind, include_extras=True)
    settings = {field.name for field in dataclasses.fields(kind) if field.init}
    model = create_model("Channel", __base__=Section, **{name: (_lenient(hints[name]), None) for name in settings})
    given = {}
    for key, value in table.items():
        secret = key.removesuffix("_file").removesuffix("_env")
        if key != "kind":
            given |= (
                {secret: Secret("https://secret.example.org/")}
                if secret in settings and secret != key
                else {key: value}
            )
    read = model.model_validate(given)
    return kind(**{name: getattr(read, name) for name in read.model_fields_set})
