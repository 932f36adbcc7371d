"""What every section has in common."""

import os

from pydantic import BaseModel, ConfigDict

# Plug-ins of pydantic have no business here, and looking for them reads about every package that is installed.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


class Section(BaseModel):
    """Built when a configuration has it: to build them all takes longer than to probe."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)
