"""lvsmon: keeps the IPVS table of a Linux Virtual Server director right."""

from importlib.metadata import version as _version


def __getattr__(name: str) -> str:
    """Look the version up only when somebody asks: metadata is slow to read."""
    if name == "__version__":
        return _version("lvsmon")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
