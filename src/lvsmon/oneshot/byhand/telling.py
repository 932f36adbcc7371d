"""A run by hand, told to a person: the dialogue, the verdict, what it means and what usually causes it."""

from collections.abc import Iterator
from typing import Final

from lvsmon.model import FactValue, Phases, Verdict
from lvsmon.model.reasons import MEANINGS
from lvsmon.monitor.run import Run
from lvsmon.monitor.transcript import Event, Step
from lvsmon.text import escape, wrap

_WIDTH: Final = 96
"""Cells of a line of prose where nobody says how wide the terminal is."""

_MARKS: Final = {Step.SENT: ">>", Step.RECEIVED: "<<", Step.OMITTED: ".."}
_ROW: Final = 16
"""Bytes of a line in hexadecimal."""

_BINARY: Final = 7
"""One character of so many that is not printable makes it bytes, which are shown in hexadecimal."""


def tell(run: Run, width: int | None = None) -> str:
    """Return the whole run as text that ends in a line end."""
    width = width or _WIDTH
    meaning = MEANINGS[run.outcome.reason]
    lines = [_heading(run), "", *_dialogue(run), _verdict(run), *_indented(meaning.sentence, width)]
    if run.outcome.verdict is not Verdict.PASS and meaning.causes:
        lines.append("  Usual causes:")
        lines += [line for cause in meaning.causes for line in _indented(cause, width, "  - ")]
    if run.outcome.weight is not None:
        lines.append(f"  weight {run.outcome.weight}")
    lines += [f"  {escape(name)}: {_fact(fact)}" for name, fact in run.outcome.facts.items()]
    if times := _times(run.outcome.phases):
        lines.append(f"  {times}")
    return "\n".join(lines) + "\n"


def _heading(run: Run) -> str:
    target = run.target
    if target is None:
        return escape(f"{run.kind}  {run.name}")
    text = f"{run.kind}  {target if target.port else target.address}"
    if run.name is not None:
        also = f", also {', '.join(run.others)}" if run.others else ""
        text += f"  ({run.name} is {target.address} here{also})"
    if target.hostname not in (None, run.name):
        text += f"  for {target.hostname}"
    return escape(text)


def _dialogue(run: Run) -> Iterator[str]:
    for event in run.transcript:
        at = f"  {event.at:7.3f}"
        for line in _lines(event):
            yield f"{at}  {_MARKS.get(event.step, '--')} {line}".rstrip()
            at = " " * len(at)
    if run.transcript:
        yield ""


def _lines(event: Event) -> Iterator[str]:
    match event.step:
        case Step.SENT | Step.RECEIVED:
            yield from _shown(event.data)
        case Step.CONNECTING:
            yield f"connecting to {escape(event.data.decode())}"
        case Step.SECURING:
            yield "TLS handshake"
        case Step.SECURED:
            yield "TLS is up"
        case Step.ENDED:
            yield "the realserver has closed its side"
        case Step.OMITTED:
            yield f"{event.omitted} bytes omitted (--bytes)"
        case step:
            yield step


def _shown(data: bytes) -> Iterator[str]:
    """Show text line by line, line ends written out; anything else in hexadecimal."""
    if not data:
        yield "(an empty datagram)"
        return
    text = data.decode("utf-8", "surrogateescape")
    strange = sum(not (letter.isprintable() or letter in "\r\n\t") for letter in text)
    if strange * _BINARY > len(text):
        for start in range(0, len(data), _ROW):
            row = data[start : start + _ROW]
            letters = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
            yield f"{start:04x}  {row.hex(' '):47}  {letters}"
        return
    for line in data.decode("utf-8", "backslashreplace").splitlines(keepends=True):
        yield escape(line)


def _verdict(run: Run) -> str:
    outcome = run.outcome
    return escape(": ".join(filter(None, (f"{outcome.verdict} ({outcome.reason})", outcome.detail))))


def _fact(fact: FactValue) -> str:
    return f"{fact:.6g}" if isinstance(fact, float) else escape(str(fact))


def _indented(text: str, width: int, mark: str = "  ") -> list[str]:
    first, *rest = wrap(text, width - len(mark))
    return [mark + first, *(" " * len(mark) + line for line in rest)]


def _times(phases: Phases) -> str:
    told = [
        ("connect", phases.connect),
        ("TLS", phases.tls),
        ("first byte", phases.first_byte),
        ("total", phases.total),
    ]
    return ", ".join(f"{name} {seconds * 1000:.1f} ms" for name, seconds in told if seconds) if phases.total else ""
