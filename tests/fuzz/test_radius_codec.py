"""No bytes are a reply that nobody has signed; signed ones are among the targets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.errors import ProtocolViolation
from lvsmon.wire import radius
from radius_messages import ASKED, reply


@given(st.one_of(st.binary(max_size=60), st.binary(max_size=40).map(lambda body: reply(2)[:20] + body)))
def test_any_bytes_are_a_violation_unless_signed(data):
    radius.answers(data, ASKED)
    with pytest.raises(ProtocolViolation):
        radius.read(data + b"x", ASKED)
