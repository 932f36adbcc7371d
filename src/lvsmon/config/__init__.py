"""Configuration: strict loading, every error at once.

    files ──▶ sections ──▶ cascade, rules ──▶ plan
    (TOML)   (schema,      (virtuals, destinations, runs)
              kinds)

`load` reads a main file with its drop-ins and returns the `Plan`, or raises `ConfigError` with all complaints.
"""

from lvsmon.config.loading import load
from lvsmon.config.plan import Backend, Plan
from lvsmon.places import DEFAULT_CONFIG as DEFAULT_PATH

__all__ = ["DEFAULT_PATH", "Backend", "Plan", "load"]
