"""How a channel says that it could not deliver: one harmless, bounded line without secrets."""

import os
from typing import Any, Final

from lvsmon.errors import MAX_DETAIL, ActionFailed, clip
from lvsmon.secrets.masking import masker_of
from lvsmon.text import escape

_RAW: Final = 2000
"""Characters of a raw text that are looked at: what the other side says may be long, what is shown is not."""


def failed(channel: Any, message: str, *, final: bool = False) -> ActionFailed:
    """Return the error for ``channel``: ``message`` may quote the other side, who may quote our password.

    It is masked before it is shortened, or the half of a secret would be shown; then escaped.
    """
    shown = escape(masker_of(channel).text(message[:_RAW]))
    return ActionFailed(clip(shown, MAX_DETAIL), final=final)


def why(error: OSError) -> str:
    """Return what the kernel says, in its own words and without Python's."""
    if error.errno is not None and not isinstance(error.errno, bool) and error.errno > 0:
        return os.strerror(error.errno).lower()
    return str(error.strerror or error).lower()
