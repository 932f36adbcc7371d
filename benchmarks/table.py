"""Figures of several runs, and the one table of them."""

import statistics


class Figures:
    """Rows in the order in which they came; each holds one number per run, and what it is held against."""

    def __init__(self):
        self._rows = {}
        self._notes = []

    def add(self, what, who, value, unit):
        self._rows.setdefault((what, who), (unit, []))[1].append(value)

    def note(self, text):
        """Say once what the table cannot: who was left out and why."""
        if text not in self._notes:
            self._notes.append(text)
            print(f"NOTE: {text}", flush=True)

    def median(self, what, who):
        found = self._rows.get((what, who))
        return None if found is None else statistics.median(found[1])

    def lines(self, *, ours="lvsmon"):
        """Yield the table in Markdown: min / median / max, and our median divided by each other's."""
        yield "| figure | of | unit | min | median | max | runs | lvsmon ÷ it |"
        yield "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |"
        for (what, who), (unit, values) in self._rows.items():
            mine, theirs = self.median(what, ours), statistics.median(values)
            ratio = "" if who == ours or not mine or not theirs else _ratio(mine / theirs)
            numbers = " | ".join(_short(number) for number in (min(values), theirs, max(values)))
            yield f"| {what} | {who} | {unit} | {numbers} | {len(values)} | {ratio} |"
        yield ""
        yield from (f"- {text}" for text in self._notes)


def _short(number):
    return f"{number:.0f}" if abs(number) >= 100 else f"{number:.3g}"


def _ratio(number):
    return f"{number:.2f}" if number >= 0.1 else f"1/{1 / number:.0f}"
