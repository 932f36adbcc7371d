"""NTP packets: fields, offsets over the end of an era, and nothing but an answer or a violation for any bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.errors import ProtocolViolation
from lvsmon.wire import ntp

SECOND = 1 << 32
ANSWER = bytes.fromhex(
    "240206ec00000a3d00000b1ac0a80101e8f5a1b2c3d4e5f60102030405060708e8f5a1c000000000e8f5a1c080000000"
)


def test_a_request_says_its_version_and_that_it_is_a_client_and_carries_the_cookie():
    assert bytes([0x23]) + bytes(39) + b"\1\2\3\4\5\6\7\x08" == ntp.request(0x0102030405060708)
    assert 0x1B == ntp.request(1, version=3)[0]


def test_an_answer():
    answer = ntp.read(ANSWER)
    assert (0, 4, 2, "192.168.1.1", "") == (answer.leap, answer.version, answer.stratum, answer.source, answer.kiss)
    assert (0x0A3D / 65536, 0x0B1A / 65536) == (answer.root_delay, answer.root_dispersion)
    assert 0.5 == ntp.seconds_between(answer.received, answer.sent)
    assert answer.root_distance == 0x0A3D / 131072 + 0x0B1A / 65536
    assert 0x0102030405060708 == ntp.cookie(ANSWER)


@pytest.mark.parametrize(("stratum", "source", "kiss"), [(1, "GPS", ""), (0, "RATE", "RATE")])
def test_four_letters_name_a_clock_or_a_kiss(stratum, source, kiss):
    answer = ntp.read(ANSWER[:1] + bytes([stratum]) + ANSWER[2:12] + source.encode().ljust(4, b"\0") + ANSWER[16:])
    assert (source, kiss) == (answer.source, answer.kiss)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "0 bytes"),
        (ANSWER[:47], "47 bytes"),
        (b"\x23" + ANSWER[1:], "mode 3"),
        (b"\x25" + ANSWER[1:], "mode 5"),
        (b"\x04" + ANSWER[1:], "version 0"),
        (b"\x2c" + ANSWER[1:], "version 5"),
    ],
)
def test_what_is_no_answer(data, message):
    with pytest.raises(ProtocolViolation, match=message):
        ntp.read(data)


@pytest.mark.parametrize("asked", [0, 5 * SECOND, 2**64 - 2 * SECOND, 2**64 - SECOND // 2])
@pytest.mark.parametrize("ahead", [0.0, 3600.0, -3600.0, 1e9])
def test_offsets_hold_across_the_end_of_an_era(asked, ahead):
    """T2 and T3 on the server's clock, half a second of travel each way and a second of work there."""

    def later(seconds):
        return int(asked + seconds * SECOND) % 2**64

    answer = ntp.Answer(
        version=4, leap=0, stratum=1, root_delay=0, root_dispersion=0, reference_id=b"GPS\0", reference=0,
        received=later(ahead + 0.5), sent=later(ahead + 1.5),
    )  # fmt: skip
    assert (ahead, 1.0) == pytest.approx(answer.offset(asked, later(2.0)))


def test_timestamps_of_this_era_and_the_next():
    assert 2_208_988_800 * SECOND == ntp.timestamp(0.0)
    assert SECOND == ntp.timestamp(2_085_978_497.0)  # 2036-02-07 06:28:17, one second into era 1


@given(st.one_of(st.binary(max_size=80), st.binary(min_size=47, max_size=200)))
def test_any_bytes_are_an_answer_or_a_violation(data):
    ntp.cookie(data)
    try:
        answer = ntp.read(data)
    except ProtocolViolation:
        return
    assert isinstance(answer.kiss + answer.source, str)
    assert answer.root_distance >= 0
    offset, _ = answer.offset(0, SECOND)
    assert abs(offset) <= 1 << 31
