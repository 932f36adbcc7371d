"""Names on the command line."""

import pytest

from lvsmon.monitor.selection import Selection, UnknownName, find
from oneshot_support import destination, spec, virtual

WEB = virtual("web", [destination("rs1", spec("10.0.0.1", 80)), destination("rs2", spec("10.0.0.2", 80))])
MAIL = virtual("mail", [destination("rs1", spec("10.0.0.1", 25))])


def held(*names: str) -> list[str]:
    selection = Selection.of(names, [WEB, MAIL])
    assert selection is not None
    return [f"{v.name}/{d.realserver.name}" for v in (WEB, MAIL) for d in v.destinations if selection.holds(v, d)]


def test_names_select_virtual_services_and_realservers() -> None:
    """No name is everything, which is no selection at all."""
    assert Selection.of((), [WEB, MAIL]) is None
    assert held("web") == ["web/rs1", "web/rs2"]
    assert held("rs1") == ["web/rs1", "mail/rs1"]
    assert held("mail", "rs2") == ["web/rs2", "mail/rs1"]


def test_an_unknown_name_gets_a_suggestion() -> None:
    """A slip of the finger is told from a name that is not there at all."""
    with pytest.raises(UnknownName, match=r"is named wbe: did you mean web\?"):
        held("wbe")
    with pytest.raises(UnknownName, match="is named zzz: there are: mail, rs1, rs2, web"):
        held("zzz")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("web/rs1", ["web/rs1"]),
        ("rs1", ["web/rs1", "mail/rs1"]),
        ("web", ["web/rs1", "web/rs2"]),
        ("10.0.0.1", ["web/rs1", "mail/rs1"]),
        ("10.0.0.1:25", ["mail/rs1"]),
    ],
)
def test_a_destination_is_found_by_names_and_by_address(text: str, found: list[str]) -> None:
    """One text may name several."""
    assert [f"{v.name}/{d.realserver.name}" for v, d in find(text, [WEB, MAIL])] == found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("mail/rs2", "rs2 is no realserver of mail: there are: rs1"),
        ("wbe/rs1", r"is named wbe: did you mean web\?"),
        ("web/rs3", r"is named rs3: did you mean"),
        ("10.0.0.9", "is named 10.0.0.9"),
        ("", "is named : there are"),
    ],
)
def test_a_destination_that_is_not_there_gets_a_suggestion(text: str, why: str) -> None:
    """Whatever part of it is wrong."""
    with pytest.raises(UnknownName, match=why):
        find(text, [WEB, MAIL])
