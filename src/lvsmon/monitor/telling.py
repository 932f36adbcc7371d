"""What the log says of transitions, of the table and of decisions: once when it begins, and once when it is over."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from lvsmon.actions.ipvs.reconcile import Report
from lvsmon.actions.ipvs.table import ipvsadm
from lvsmon.logs import event
from lvsmon.model import Health, Notice, Outcome, Pause, ProbeState, Transition, Weight
from lvsmon.model.decision import NoticeId
from lvsmon.monitor.news import News
from lvsmon.monitor.table_keeper import Kept
from lvsmon.monitor.transcript import one_line
from lvsmon.monitor.witness import Witness

_log: Final = logging.getLogger(__name__)


class Told:
    """What was said and still holds."""

    def __init__(self, witness: Witness | None = None) -> None:
        self._witness = witness or Witness()
        self._complaints: frozenset[str] = frozenset()
        self._notices: dict[NoticeId, Notice] = {}

    @property
    def complaints(self) -> tuple[str, ...]:
        """What was complained of last."""
        return tuple(sorted(self._complaints))

    def complain(self, complaints: Iterable[str]) -> None:
        """Say what is wrong with the table."""
        now = frozenset(complaints)
        for complaint in sorted(now - self._complaints):
            event(_log, logging.WARNING, "ipvs_trouble", what=complaint)
            self._witness.notice("trouble", None, complaint)
        for complaint in sorted(self._complaints - now):
            event(_log, logging.INFO, "ipvs_trouble_over", what=complaint)
            self._witness.notice("trouble", None, complaint, over=True)
        self._complaints = now

    def notice(self, notices: Iterable[Notice]) -> None:
        """Say what was decided on loudly."""
        now = {notice.identity: notice for notice in notices}
        for identity, notice in now.items():
            if self._notices.get(identity) != notice:
                _say(logging.WARNING, "notice", notice)
                self._witness.notice(notice.kind, notice.subject, notice.text)
        for identity, notice in self._notices.items():
            if identity not in now:
                _say(logging.INFO, "notice_over", notice)
                self._witness.notice(notice.kind, notice.subject, notice.text, over=True)
        self._notices = now


def _say(level: int, name: str, notice: Notice) -> None:
    event(_log, level, name, kind=notice.kind, subject=notice.subject or "director", what=notice.text)


def tell_kept(kept: Kept, told: Told) -> None:
    """Say what a reconcile found and did."""
    report = kept.report
    for difference in report.drift:
        event(_log, logging.WARNING, "drift", what=difference)
    for command in report.written:
        event(_log, logging.INFO, "ipvs_write", command=ipvsadm(command))
    for line in kept.settings:
        event(_log, logging.INFO, "sysctl_write", setting=line)
    told.complain(
        [
            *kept.trouble,
            *(f"refused: {ipvsadm(command)}: {error}" for command, error in report.refused),
            *(f"foreign, left alone: {entry}" for entry in report.foreign),
        ]
    )


def tell_pause(pause: Pause, last: Report | str) -> None:
    """Remind of a pause: how long it has lasted, and what waits."""
    event(
        _log, logging.WARNING, "paused",
        effect="nothing is written to the kernel", since=_utc(pause.since), until=_utc(pause.until),
        by=pause.by or None, reason=pause.reason or None, held=None if isinstance(last, str) else len(last.held),
    )  # fmt: skip


def _utc(when: float | None) -> str | None:
    return None if when is None else datetime.fromtimestamp(when, UTC).isoformat(timespec="seconds")


def tell_news(news: News, before: ProbeState, witness: Witness) -> None:
    """Say what has become of a probe since ``before``, in the log and in the history."""
    if news.transition is not None:
        tell_transition(news.transition, expected=witness.expects_failure(news.probe))
        witness.transition(news.transition)
        if news.dialogue:
            event(_log, logging.INFO, "transcript", probe=news.probe, dialogue=one_line(news.dialogue))
    if news.state.weight != before.weight and news.state.last is not None:
        tell_weight(news.probe, before.weight, news.state.weight, news.state.last)


def tell_transition(transition: Transition, *, expected: bool = False) -> None:
    """Say that the health of a probe changed; quietly where a maintenance window has its failure ``expected``."""
    event(
        _log, logging.INFO if expected or transition.after is Health.UP else logging.WARNING, "transition",
        probe=transition.probe, before=transition.before, after=transition.after,
        reason=transition.outcome.reason, detail=transition.outcome.detail,
    )  # fmt: skip


def tell_weight(probe: str, before: Weight | None, after: Weight | None, outcome: Outcome) -> None:
    event(_log, logging.INFO, "weight", probe=probe, before=before, after=after, detail=outcome.detail)
