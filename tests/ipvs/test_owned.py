"""What lvsmon answers for, and its form on disk."""

import json

import pytest
from hypothesis import given

from ipvs.strategies import tables
from lvsmon.actions.ipvs.owned import Owned, parse_destination, parse_virtual
from lvsmon.model import (
    Destination,
    DestinationEntry,
    DestinationKey,
    DestinationSettings,
    Family,
    Manage,
    Protocol,
    RealServer,
    VirtualEntry,
    VirtualKey,
    VirtualService,
    VirtualSettings,
)

WEB = VirtualKey.of_address(Protocol.TCP, "192.0.2.10", 443)
RS1, RS2, SORRY = (DestinationKey(f"10.1.0.{number}", 443) for number in (11, 12, 99))
ENTRY = DestinationEntry(DestinationSettings())


def table(*destinations):
    return {WEB: VirtualEntry(VirtualSettings(), dict.fromkeys(destinations, ENTRY))}


@given(tables())
def test_json_and_back(found):
    """What is written to disk is read back, whatever is in the table."""
    owned = Owned.of(found)
    assert Owned.from_json(json.loads(json.dumps(owned.to_json()))) == owned


def test_json_is_plain_sorted_text():
    owned = Owned({VirtualKey.of_fwmark(7, Family.INET6): frozenset(), WEB: frozenset({RS2, RS1})})
    assert owned.to_json() == {"192.0.2.10:443/tcp": ["10.1.0.11:443", "10.1.0.12:443"], "fwmark 7 inet6": []}
    assert list(owned.to_json()) == ["192.0.2.10:443/tcp", "fwmark 7 inet6"]


def test_virtual_services_of_all_kinds_sort():
    """fwmarks have no protocol and must not end a sort in TypeError."""
    texts = ["fwmark 7", "192.0.2.10:80/tcp", "192.0.2.10:443/tcp", "192.0.2.10:53/udp", "fwmark 7 inet6"]
    assert [str(key) for key in sorted(parse_virtual(text) for text in reversed(texts))] == texts


@pytest.mark.parametrize(
    "text",
    [
        "", "192.0.2.10:443", "192.0.2.10/tcp", "192.0.2.10:65536/tcp", "192.0.2.10:443/icmp", "192.0.2.10:+1/tcp",
        "2001:db8::1:443/tcp", "[192.0.2.10]:443/tcp", "fwmark", "fwmark x", "fwmark 1 inet4", "fwmark 4294967296",
        "fwmark 7 inet6 x", "a b", 7, None, "192.0.2.10:٣/tcp",
    ],
)  # fmt: skip
def test_a_virtual_service_that_cannot_be_read_is_named(text):
    with pytest.raises(ValueError, match=r"write a virtual service as .*, not") as caught:
        parse_virtual(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("text", ["", "10.1.0.11", "fd00::1:80", "[10.1.0.11]:80", "10.1.0.11:-1", None, ":80"])
def test_a_destination_that_cannot_be_read_is_named(text):
    with pytest.raises(ValueError, match=r"write a destination as .*, not"):
        parse_destination(text)


@pytest.mark.parametrize("data", [[], "x", {"192.0.2.10:443/tcp": "10.1.0.11:443"}])
def test_another_shape_is_refused(data):
    with pytest.raises(ValueError, match=r"owned entries are a table|wants a list"):
        Owned.from_json(data)


def test_what_the_configuration_names_is_owned_with_its_sorry_server():
    def to(key):
        return Destination(realserver=RealServer("rs", key.address), key=key, settings=DestinationSettings())

    virtual = VirtualService(name="web", key=WEB, settings=VirtualSettings(), destinations=(to(RS1),), sorry=to(SORRY))
    owned = Owned({WEB: frozenset({RS2})}).including([virtual])
    assert owned == Owned({WEB: frozenset({RS1, RS2, SORRY})})


def test_owned_until_neither_wished_for_nor_there():
    """A destination that could not be deleted stays ours; one that is gone is nobody's."""
    owned = Owned.of(table(RS1, RS2))
    assert owned.after(table(RS1), table(RS1, RS2)) == Owned.of(table(RS1, RS2))
    assert owned.after(table(RS1), table(RS1)) == Owned.of(table(RS1))
    assert owned.after({}, table(RS2)) == Owned.of(table(RS2))
    assert owned.after({}, {}) == Owned()


def test_what_is_wished_for_and_not_ours_does_not_become_ours():
    """With manage = "weights" a virtual service is edited, and must outlive being dropped from the configuration."""
    assert Owned().after(table(RS1), table(RS1)) == Owned()
    shop = VirtualService(name="shop", key=WEB, settings=VirtualSettings(), destinations=(), manage=Manage.WEIGHTS)
    assert Owned.of(table(RS1)).including([shop]) == Owned()


def test_has():
    owned = Owned.of(table(RS1))
    assert owned.has(WEB)
    assert owned.has(WEB, RS1)
    assert not owned.has(WEB, RS2)
    assert not owned.has(VirtualKey.of_fwmark(1, Family.INET))
