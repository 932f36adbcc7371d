"""The kinds of probes, built in or of the entry-point group ``lvsmon.probes``, each with its settings as a section.
Channels that carry alerts are such kinds too, of the group ``lvsmon.actions``.

A kind's dataclass says everything: field names are keys, annotations are types, defaults are defaults, docstrings under
the fields are the documentation. A type of its own has ``write``, the way back from what was read. ``__post_init__``
raises ValueError, in words for users, for settings that do not go together; a message that begins with ``setting:``
is shown at that setting. ``default_port``, a class variable or a property, is the port where a person who probes by
hand names none. A kind that does not speak TCP alone says so in a class variable ``transport`` ("udp", "any").
"""

import dataclasses
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache, cached_property
from importlib.metadata import EntryPoint, entry_points
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args

from pydantic import BeforeValidator, Field, Strict, create_model

from lvsmon import actions, probes
from lvsmon.config.guesses import kind_meant, meant
from lvsmon.config.schema import ChannelSection, ProbeSection, Section
from lvsmon.model.settings import Secret, Written, shown
from lvsmon.probes.base import Probe

GROUP: Final = "lvsmon.probes"


RESERVED: Final = frozenset(ProbeSection.model_fields)
"""Keys of every probe, which no kind may use for a setting of its own."""


def _part(value: object) -> object:
    if isinstance(value, str | dict):
        return value
    raise ValueError(f'write a kind, such as "https", or a table of a kind and its settings, not {shown(value)}')


_Part: TypeAlias = Annotated[Any, BeforeValidator(_part, json_schema_input_type=str | dict[str, Any])]
"""How a setting is written that is a probe of another kind."""


@dataclass(frozen=True)
class Kind:
    """A kind: its class, the section it is written in, and which of its settings are secrets.

    ``secrets`` maps each secret setting to whether it must be given. ``parts`` names the settings that are probes of
    another kind.
    """

    name: str
    probe: type[Any]
    section: type[Section]
    settings: Mapping[str, "dataclasses.Field[Any]"]
    hints: Mapping[str, Any]
    secrets: Mapping[str, bool]
    parts: frozenset[str] = frozenset()

    @property
    def transport(self) -> str:
        return getattr(self.probe, "transport", "tcp")

    @property
    def only_rip(self) -> bool:
        return getattr(self.probe, "only_rip", False)

    @property
    def uses_port(self) -> bool:
        return getattr(self.probe, "uses_port", True)

    @property
    def default_port(self) -> int | None:
        """The port that is probed by hand where nothing else is set; None where there is none, or that depends."""
        return self._port()

    @property
    def implicit_port(self) -> int | None:
        """The port where TLS begins with the first byte, where that is another one."""
        port = self._port(tls="implicit") if "implicit" in get_args(self.hints.get("tls")) else None
        return port if port != self.default_port else None

    def _port(self, **settings: Any) -> int | None:
        port = getattr(self.probe, "default_port", None)
        if isinstance(port, property):
            secrets = {key: Secret("any") for key, needed in self.secrets.items() if needed}
            try:
                port = self.probe(**secrets, **settings).default_port
            except (TypeError, ValueError):  # it needs more to be made, and the port may depend on that
                return None
        return port if isinstance(port, int) else None

    def default_of(self, key: str) -> Any:
        """Return what holds where ``key`` is not written, as TOML writes it; None where that is nothing."""
        setting = self.settings[key]
        if _required(setting):
            return None
        made = setting.default if setting.default_factory is dataclasses.MISSING else setting.default_factory()
        return as_written(self.hints[key], made)


_PROMISED: Final = ("uses_hostname", "needs_hostname", "memory_bound", "check")
"""What `lvsmon.probes.base.Probe` promises besides its kind."""


@dataclass(frozen=True, eq=False)
class Family:
    """Kinds of one sort: probes, or channels. ``listed`` says where people find what there is."""

    group: str
    builtin: Mapping[str, str]
    load: Callable[[str], type[Any]]
    section: type[Section]
    promised: tuple[str, ...]
    listed: str
    suffix: str


PROBES: Final = Family(GROUP, probes.BUILTIN, probes.load, ProbeSection, _PROMISED, "`lvsmon probe --list`", "Probe")
CHANNELS: Final = Family(
    "lvsmon.actions", actions.CHANNELS, actions.load, ChannelSection, ("deliver", "timeout"),
    "docs/reference/alerts.md", "Channel",
)  # fmt: skip


class Kinds:
    """Finds kinds by name; plug-ins are listed when one is looked for, and loaded when a configuration names them."""

    def __init__(self, family: Family = PROBES) -> None:
        self._family = family

    @cached_property
    def _plugins(self) -> dict[str, list[EntryPoint]]:
        """The plug-ins by name; to list them reads about every package that is installed."""
        found: dict[str, list[EntryPoint]] = {}
        for entry in entry_points(group=self._family.group):
            found.setdefault(entry.name, []).append(entry)
        return found

    def names(self) -> list[str]:
        """Return the name of every kind there is, plug-ins that cannot be used included."""
        return sorted({*self._family.builtin, *self._plugins})

    def origin(self, name: str) -> str:
        """Return which distribution a kind comes from, "" for our own."""
        return " and ".join(map(_origin, self._plugins.get(name, [])))

    def get(self, name: str) -> Kind:
        """Return the kind; raise ValueError saying what there is, or what is wrong with a plug-in."""
        plugins = self._plugins.get(name, [])
        family = self._family
        if name in family.builtin:
            if plugins:
                raise ValueError(f"the plug-in {_origin(plugins[0])} offers a kind of lvsmon's own name: remove it")
            return builtin(name, family)
        if not plugins:
            find = kind_meant if family is PROBES else meant
            raise ValueError(
                f"unknown kind {shown(name)}{find(name, {*family.builtin, *self._plugins}, family.listed)}"
            )
        if len(plugins) > 1:
            origins = " and ".join(sorted(map(_origin, plugins)))
            raise ValueError(f"the plug-ins {origins} both offer this kind: remove one")
        return _plugin(plugins[0], family)


def _origin(entry: EntryPoint) -> str:
    return f"{entry.dist.name} ({entry.value})" if entry.dist else entry.value


@cache
def builtin(name: str, family: Family = PROBES) -> Kind:
    """Return a built-in kind; raise KeyError if there is none."""
    return kind_of(name, family.load(name), family)


def _plugin(entry: EntryPoint, family: Family) -> Kind:
    try:
        return kind_of(entry.name, entry.load(), family)
    except ValueError as error:
        raise ValueError(f"the plug-in {_origin(entry)} cannot be used: {error}") from error
    except Exception as error:
        raise ValueError(f"the plug-in {_origin(entry)} cannot be used: {type(error).__name__}: {error}") from error


def kind_of(name: str, probe: type[Any], family: Family = PROBES) -> Kind:
    """Return the kind that ``probe``'s dataclass describes; raise ValueError where it breaks the rules above."""
    if not dataclasses.is_dataclass(probe) or getattr(probe, "kind", None) != name:
        raise ValueError(f"its class is not a dataclass whose kind is {shown(name)}")
    if missing := [name for name in family.promised if not hasattr(probe, name)]:
        raise ValueError(f"its class lacks {', '.join(missing)}")
    hints = typing.get_type_hints(probe, include_extras=True)
    settings = {field.name: field for field in dataclasses.fields(probe) if field.init}
    secrets = {key: _required(field) for key, field in settings.items() if _holds_secret(hints[key])}
    parts = frozenset(key for key in settings if hints[key] is Probe)
    beside = {key + tail for key in secrets for tail in ("_file", "_env")}
    if clash := (family.section.model_fields.keys() | beside) & settings.keys():
        raise ValueError(f"it has settings of reserved names: {', '.join(sorted(clash))}")
    keys: dict[str, Any] = {"kind": (Literal[name], Field())}
    for key, field in settings.items():
        if key in secrets:
            keys[key] = (Secret | None, None)
            keys[key + "_file"] = (str | None, None)
            keys[key + "_env"] = (str | None, None)
        elif key in parts:
            keys[key] = (_Part, Field())
        elif _required(field):
            keys[key] = (_lenient(hints[key]), Field())
        else:
            keys[key] = (_lenient(hints[key]), None)
    section = create_model(f"{name}{family.suffix}", __base__=family.section, **keys)
    if issubclass(section, ProbeSection):
        section.listed = f"`lvsmon probe {name} --help`"
    return Kind(name, probe, section, settings, hints, secrets, parts)


def _required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _holds_secret(hint: Any) -> bool:
    return hint is Secret or Secret in typing.get_args(hint)


def _lenient(hint: Any) -> Any:
    """Let a TOML list stand for a tuple or a set and a string for an enum; numbers and strings stay strict."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return Annotated[_lenient(inner[0]), *inner[1:]] if not _written(hint) else hint
    if origin in (typing.Union, UnionType):
        return typing.Union[tuple(map(_lenient, inner))]  # noqa: UP007  built from a list
    if origin in (tuple, set, frozenset):
        return Annotated[
            origin[tuple(one if one is Ellipsis else _lenient(one) for one in inner)], Strict(strict=False)
        ]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return Annotated[hint, Strict(strict=False)]
    return hint


def _written(hint: Any) -> Written | None:
    """Return how a setting of type ``hint`` is written, where it is one that is written as a string."""
    if typing.get_origin(hint) is Annotated:
        return next((mark for mark in hint.__metadata__ if isinstance(mark, Written)), None)
    return None


def as_written(hint: Any, value: Any) -> Any:
    """Return a setting's value as TOML writes it, None where it writes nothing: the way back, for defaults."""
    if isinstance(value, Secret):
        return "********"
    if value is None or isinstance(value, bool):
        return value
    if hasattr(value, "write"):
        return value.write()
    origin = typing.get_origin(hint)
    if mark := _written(hint):
        return mark.write(value)
    if origin is Annotated:
        return as_written(hint.__origin__, value)
    inner = [one for one in typing.get_args(hint) if one is not NoneType]
    if origin in (typing.Union, UnionType):
        return as_written(inner[0], value) if len(inner) == 1 else value
    if isinstance(value, tuple | list | set | frozenset):
        items = [as_written(inner[0] if inner else Any, item) for item in value]
        return sorted(items) if isinstance(value, set | frozenset) else items
    if isinstance(value, Mapping):
        return {key: as_written(inner[1] if len(inner) > 1 else Any, item) for key, item in value.items()}
    return value.value if isinstance(value, Enum) else value
