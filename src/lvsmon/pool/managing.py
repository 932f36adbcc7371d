"""How much of what was decided is written: all, weights only, nothing; and what becomes of others' changes."""

from dataclasses import replace

from lvsmon.model import DestinationId, DestinationSettings, Manage, NoticeKind, OnDrift, VirtualKey, VirtualSettings
from lvsmon.pool.draft import Deciding, Draft, VirtualDraft


def rule(deciding: Deciding) -> None:
    """Make of each virtual service what may be written of it."""
    wanted: dict[DestinationId, DestinationSettings | None] = {}
    settings: dict[VirtualKey, VirtualSettings] = {}
    for each in deciding.virtuals:
        if each.virtual.manage is Manage.OBSERVE:
            each.left_out = True
        elif each.virtual.manage is Manage.WEIGHTS:
            _weights_only(each, deciding)
        if each.virtual.on_drift is OnDrift.REPORT and not each.left_out:
            settings[each.virtual.key] = each.entry().settings
            wanted |= {
                (each.virtual.key, draft.destination.key): None if (entry := draft.entry()) is None else entry.settings
                for draft in each.everybody
            }
            _leave_drift(each, deciding)
    deciding.following = replace(deciding.following, wanted=wanted, wanted_virtuals=settings)


def _weights_only(each: VirtualDraft, deciding: Deciding) -> None:
    if each.present is None:
        each.left_out = True
        deciding.notice(
            NoticeKind.MISSING, each.virtual, 'it is not in the kernel, and with manage = "weights" nobody adds it'
        )
        return
    each.settings = each.present.settings
    for draft in each.everybody:
        if draft.present is None:
            if draft.weight:
                deciding.notice(
                    NoticeKind.MISSING, each.virtual,
                    f'{draft.destination.key} is not in the kernel, and with manage = "weights" nobody adds it',
                    draft.destination.key,
                )  # fmt: skip
            draft.weight = None
        else:
            draft.settings = draft.present.settings
            draft.weight = draft.weight or 0


def _leave_drift(each: VirtualDraft, deciding: Deciding) -> None:
    """Leave what differs from the last wish, as long as the wish is still the same."""
    memory = deciding.memory
    if each.virtual.key not in memory.wanted_virtuals:
        return
    if each.present is None:
        each.left_out = True
        _tell(each, deciding, None, "it is gone from the kernel")
        return
    if each.entry().settings == memory.wanted_virtuals[each.virtual.key] != each.present.settings:
        _tell(each, deciding, None, "its settings were changed")
        each.settings = each.present.settings
    for draft in each.everybody:
        _leave_destination(each, draft, deciding)


def _leave_destination(each: VirtualDraft, draft: Draft, deciding: Deciding) -> None:
    key = each.virtual.key, draft.destination.key
    entry = draft.entry()
    wish = None if entry is None else entry.settings
    there = None if draft.present is None else draft.present.settings
    if key not in deciding.memory.wanted or deciding.memory.wanted[key] != wish or wish == there:
        return
    if there is None or wish is None:
        what = "is gone from the kernel" if there is None else "was put into the kernel"
    else:
        what = f"has weight {there.weight} instead of {wish.weight}" if there.weight != wish.weight else "was changed"
    _tell(each, deciding, draft, f"{draft.destination.key} {what}")
    draft.settings, draft.weight = there, None if there is None else there.weight


def _tell(each: VirtualDraft, deciding: Deciding, draft: Draft | None, what: str) -> None:
    about = "" if draft is None else draft.destination.key
    deciding.notice(NoticeKind.DRIFT, each.virtual, f'{what} by somebody else; left so (on_drift = "report")', about)
