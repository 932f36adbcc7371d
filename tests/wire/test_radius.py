"""RADIUS packets: the RFCs' own examples, and every signature proved."""

import hmac

import pytest

from lvsmon.errors import ProtocolViolation
from lvsmon.wire import radius
from lvsmon.wire.radius import Code, Forged, Request
from radius_messages import ASKED, AUTHENTICATOR, SECRET, md5, reply

# RFC 5997 section 6.1: a query to the authentication port and its answer.
STATUS = bytes.fromhex("0cda00268a54f4686fb394c52866e302185d062350125a665e2e1e8411f3e243822097c84fa3")
STATUS_ANSWER = bytes.fromhex("02da0014ef0d552a4bf2d693ec2b6fe8b5411d66")

# RFC 2865 section 7.1: nemo logs in with "arctangent".
LOGIN = bytes.fromhex(
    "010000380f403f9473978057bd83d5cb98f4227a01066e656d6f02120dbe708d93d413ce3196e43f782a0aee0406c0a80110050600000003"
)
LOGIN_ANSWER = bytes.fromhex("0200002686fe220e7624ba2a1005f6bf9b55e0b20606000000010f06000000000e06c0a80103")


def test_a_status_server_packet_is_the_rfc_s_own():
    asked = radius.request(Code.STATUS_SERVER, 0xDA, STATUS[4:20], [], SECRET)
    assert STATUS == asked.packet
    found = radius.read(STATUS_ANSWER, asked)
    assert ("Access-Accept", (), False) == (found.name, found.attributes, found.proven)


def test_a_hidden_password_and_its_answer_are_the_rfc_s_own():
    assert LOGIN[28:44] == radius.hide(b"arctangent", SECRET, AUTHENTICATOR)
    found = radius.read(LOGIN_ANSWER, Request(LOGIN, SECRET))
    assert (Code.ACCESS_ACCEPT, [6, 15, 14]) == (found.code, [number for number, _ in found.attributes])


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 32, 128])
def test_a_password_of_any_length_comes_back_by_the_rfc_s_way(length):
    """Section 5.2, from the server's side: each block is the cipher text so far, hashed with the secret."""
    password = bytes(range(1, length + 1))
    hidden = radius.hide(password, SECRET, AUTHENTICATOR)
    found, previous = b"", AUTHENTICATOR
    for at in range(0, len(hidden), 16):
        key = md5(SECRET + previous)
        previous = hidden[at : at + 16]
        found += bytes(one ^ other for one, other in zip(previous, key, strict=True))
    assert (password, True) == (found.rstrip(b"\0"), len(hidden) == max(16, -(-length // 16) * 16))


def test_the_message_authenticator_comes_first_and_signs_the_whole():
    packet = ASKED.packet
    assert (bytes((80, 18)), len(packet)) == (packet[20:22], int.from_bytes(packet[2:4]))
    blank = packet[:22] + bytes(16) + packet[38:]
    assert packet[22:38] == hmac.new(SECRET, blank, "md5").digest()


@pytest.mark.parametrize("sign", [True, False])
def test_a_reply_and_what_it_says(sign):
    data = reply(Code.ACCESS_REJECT, (18, b"go"), (25, b"x"), (18, b"away"), sign=sign, padding=b"\0padding")
    found = radius.read(data, ASKED)
    assert ("Access-Reject", b"go away", sign) == (found.name, found.message, found.proven)


def test_a_code_without_a_name_is_told_by_its_number():
    assert "a packet of code 52" == radius.read(reply(52), ASKED).name


def _signed_again(data):
    """Return a changed reply whose Response Authenticator is made to fit, as Blast-RADIUS does."""
    digest = md5(data[:4] + ASKED.authenticator + data[20:] + SECRET)
    return data[:4] + digest + data[20:]


ACCEPT = reply(Code.ACCESS_ACCEPT, (18, b"hi"))
BAD = {
    "nothing": (b"", ProtocolViolation, "0 bytes"),
    "half a head": (ACCEPT[:19], ProtocolViolation, "19 bytes"),
    "cut short": (ACCEPT[:-1], ProtocolViolation, "which say to be"),
    "a length below the head": (reply(2, length=19, sign=False), ProtocolViolation, "say to be 19"),
    "a length beyond the limit": (reply(2, length=4097, sign=False) + bytes(5000), ProtocolViolation, "say to be 4097"),
    "our request": (ASKED.packet, ProtocolViolation, "echoes"),
    "another identifier": (reply(2, identifier=8), ProtocolViolation, "request 8"),
    "another secret": (reply(2, secret=b"other"), Forged, "Response Authenticator"),
    "the reply to another request": (
        reply(2, asked=Request(ASKED.packet[:4] + bytes(16) + ASKED.packet[20:], SECRET)), Forged, "Response Auth"
    ),
    "a reject made an accept": (_signed_again(b"\2" + reply(3)[1:]), Forged, "Message-Authenticator is wrong"),
    "a word changed": (_signed_again(ACCEPT[:-1] + b"o"), Forged, "Message-Authenticator is wrong"),
    "two signatures": (reply(2, (80, bytes(16))), ProtocolViolation, "more than one"),
    "a short signature": (reply(2, (80, bytes(15)), sign=False), ProtocolViolation, "another length"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_reply(case):
    data, kind, message = BAD[case]
    with pytest.raises(ProtocolViolation, match=message) as raised:
        radius.read(data, ASKED)
    assert kind is raised.type


@pytest.mark.parametrize("body", [b"\x12", b"\x12\x00", b"\x12\x01", b"\x12\x03", b"\x12\x03a\x12"])
def test_an_attribute_must_end_within_the_packet(body):
    """Also where it is well signed: a server with a bug."""
    head = bytes((2, 7)) + (20 + len(body)).to_bytes(2)
    data = head + md5(head + ASKED.authenticator + body + SECRET) + body
    with pytest.raises(ProtocolViolation, match="does not end within the packet"):
        radius.read(data, ASKED)


def test_what_answers_a_request_carries_its_identifier():
    assert radius.answers(ACCEPT, ASKED)
    assert not radius.answers(reply(2, identifier=8), ASKED)
    assert not radius.answers(ACCEPT[:19], ASKED)
