"""Settings that are lists of tables: [{ name = "Vary" }, { name = "Server", absent = true }]."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from lvsmon.model.settings import pattern, shown

Read: TypeAlias = Callable[[object], Any]
"""Returns what one key writes, or raises ValueError saying what to write."""


def read_tables(value: object, keys: Mapping[str, Read], most: int) -> list[dict[str, Any]]:
    """Return what each table of the list ``value`` writes; raise ValueError that names the table and the key."""
    if not isinstance(value, list | tuple) or len(value) > most:
        raise ValueError(f"write a list of at most {most} tables, not {_counted(value)}")
    return [_read_table(number, one, keys) for number, one in enumerate(value)]


def _counted(value: object) -> str:
    return f"{len(value)} of them" if isinstance(value, list | tuple) else shown(value)


def _read_table(number: int, value: object, keys: Mapping[str, Read]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"[{number}]: write a table, {{ … }}, not {shown(value)}")  # noqa: TRY004  pydantic's way
    found = {}
    for key, written in value.items():
        if key not in keys:
            raise ValueError(f"[{number}]: unknown key {shown(key)}: there are {', '.join(keys)}")
        try:
            found[key] = keys[key](written)
        except ValueError as error:
            raise ValueError(f"[{number}].{key}: {error}") from None
    return found


def at_table(number: int, error: ValueError) -> ValueError:
    """Return ``error``, of settings that do not go together in one table, with the number of the table."""
    return ValueError(f"[{number}]: {error}")


def text(value: object) -> str:
    """Return a string; raise ValueError for anything else."""
    if not isinstance(value, str):
        raise ValueError(f"write a string, not {shown(value)}")  # noqa: TRY004  pydantic's way
    return value


def true(value: object) -> bool:
    """Return True; raise ValueError for anything else."""
    if value is not True:
        raise ValueError(f"write true, or leave it out, not {shown(value)}")
    return True


def one_of(*words: str) -> Read:
    """Return a reader that takes one of ``words``."""

    def read(value: object) -> str:
        if value not in words:
            raise ValueError(f"write one of {', '.join(map(shown, words))}, not {shown(value)}")
        return str(value)

    return read


def demanding(value: object) -> Any:
    """Return a pattern that does not match everything; raise ValueError."""
    found = pattern(value)
    if found.search(b""):
        raise ValueError("it matches even the empty text, so the probe can never fail")
    return found


def table_list_schema(read: Read, keys: Mapping[str, Any], required: frozenset[str] = frozenset()) -> Any:
    """Return pydantic's schema of a setting that ``read`` reads; ``keys`` maps the tables' keys to their schemas."""
    from pydantic_core import core_schema  # noqa: PLC0415  only the configuration pays for it

    fields = {key: core_schema.typed_dict_field(one, required=key in required) for key, one in keys.items()}
    table = core_schema.typed_dict_schema(fields, extra_behavior="forbid")
    return core_schema.no_info_plain_validator_function(read, json_schema_input_schema=core_schema.list_schema(table))
