"""Words of a configuration with facts filled in: "{address}" and its like."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from lvsmon.model.settings import shown

_BRACE: Final = re.compile(r"\{\{|\}\}|\{([A-Za-z_]\w*)\}")


def used(texts: Iterable[str]) -> frozenset[str]:
    """Return the names of the placeholders in ``texts``."""
    return frozenset(found[1] for text in texts for found in _BRACE.finditer(text) if found[1])


def refuse_unknown(setting: str, texts: Iterable[str], known: Iterable[str]) -> None:
    """Raise ValueError where a placeholder has no meaning."""
    known = tuple(known)
    for name in sorted(used(texts) - set(known)):
        raise ValueError(
            f"{setting}: unknown placeholder {shown('{' + name + '}')}: there are"
            f" {', '.join('{' + one + '}' for one in known)}; write {{{{ and }}}} for braces"
        )


def fill(text: str, facts: Mapping[str, str]) -> str:
    """Return ``text`` with its placeholders filled in, {{ and }} being braces."""
    return _BRACE.sub(lambda found: facts[found[1]] if found[1] else found[0][0], text)
