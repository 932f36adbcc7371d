"""Configuration: strict loading, every error at once.

    files ──▶ sections ──▶ cascade, rules ──▶ plan
    (TOML)   (schema,      (virtuals, destinations, runs)
              kinds)

`load` reads a main file with its drop-ins and returns the `Plan`, or raises `ConfigError` with all complaints.
"""

from lvsmon.config.files import DEFAULT_PATH
from lvsmon.config.loading import load
from lvsmon.config.plan import Backend, Plan

__all__ = ["DEFAULT_PATH", "Backend", "Plan", "load"]
