"""Texts of an alert made fit for a message: bounded and harmless, whoever wrote them."""

from lvsmon.text import escape


def one_line(text: str, limit: int) -> str:
    """Return ``text`` as one printable line of at most ``limit`` characters."""
    return _cut(escape(text[: limit + 1]), limit)


def lines(text: str, limit: int) -> str:
    """Return ``text`` with its line ends and tabs, everything else unprintable escaped, in ``limit`` characters.

    A line end is LF, CR LF or CR; what else Unicode knows as one does not become one.
    """
    bounded = text[: limit + 1].replace("\r\n", "\n").replace("\r", "\n")
    made = "\n".join("\t".join(escape(part) for part in line.split("\t")) for line in bounded.split("\n"))
    return _cut(made, limit)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
