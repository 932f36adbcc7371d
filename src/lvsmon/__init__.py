"""lvsmon: keeps the IPVS table of a Linux Virtual Server director right."""


def __getattr__(name: str) -> str:
    """Look the version up only when somebody asks: metadata is slow to read."""
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415  and to load what reads it

        return version("lvsmon")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
