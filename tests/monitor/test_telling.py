"""What is said loudly is said once when it begins, and once when it is over."""

import logging

from lvsmon.model import Notice, NoticeKind
from lvsmon.monitor.telling import Told

SORRY = Notice(NoticeKind.SORRY, None, "no destination serves")


def said(caplog):
    found = [(record.message, record.fields["what"]) for record in caplog.records]
    caplog.clear()
    return found


def test_a_notice_is_said_once_and_so_is_its_end(caplog):
    caplog.set_level(logging.INFO)
    told = Told()
    told.notice([SORRY])
    assert [("notice", "no destination serves")] == said(caplog)
    told.notice([SORRY])
    assert [] == said(caplog)
    told.notice([])
    assert [("notice_over", "no destination serves")] == said(caplog)


def test_a_notice_whose_text_changes_is_said_again_and_is_not_over(caplog):
    caplog.set_level(logging.INFO)
    told = Told()
    told.notice([Notice(NoticeKind.BRAKE, None, "2 of 3 fail")])
    told.notice([Notice(NoticeKind.BRAKE, None, "3 of 3 fail")])
    told.notice([])
    assert [("notice", "2 of 3 fail"), ("notice", "3 of 3 fail"), ("notice_over", "3 of 3 fail")] == said(caplog)


def test_a_complaint_about_the_table_is_said_once_and_so_is_its_end(caplog):
    caplog.set_level(logging.INFO)
    told = Told()
    told.complain(["refused: b", "refused: a"])
    assert [("ipvs_trouble", "refused: a"), ("ipvs_trouble", "refused: b")] == said(caplog)
    told.complain(["refused: b"])
    assert [("ipvs_trouble_over", "refused: a")] == said(caplog)
