"""Any bytes give RADIUS's codec a reply or a ProtocolViolation, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.errors import ProtocolViolation
from lvsmon.wire import radius
from radius_messages import ASKED, SECRET, md5, reply


@given(st.one_of(st.binary(max_size=60), st.binary(max_size=40).map(lambda body: reply(2)[:20] + body)))
def test_any_bytes_are_a_violation_unless_signed(data):
    radius.answers(data, ASKED)
    with pytest.raises(ProtocolViolation):
        radius.read(data + b"x", ASKED)


@given(st.binary(max_size=80), st.integers(0, 255))
def test_any_signed_attributes_are_read_or_a_violation(body, code):
    """Nothing is lost: the attributes that are read make up the packet."""
    head = bytes((code, 7)) + (20 + len(body)).to_bytes(2)
    data = head + md5(head + ASKED.authenticator + body + SECRET) + body
    try:
        found = radius.read(data, ASKED)
    except ProtocolViolation:
        return
    assert body == b"".join(bytes((number, len(value) + 2)) + value for number, value in found.attributes)
    assert isinstance(found.name, str)
