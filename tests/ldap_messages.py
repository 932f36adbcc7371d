"""What an LDAP server says, made by hand: nothing of lvsmon or ldap3 is in it."""


def ber(tag, *parts):
    body = b"".join(parts)
    size = len(body)
    length = bytes([size]) if size < 128 else b"\x84" + size.to_bytes(4, "big")
    return bytes([tag]) + length + body


def octets(text):
    return ber(4, text if isinstance(text, bytes) else text.encode())


def message(number, operation, *parts, controls=b""):
    return ber(0x30, ber(2, bytes([number])), ber(operation, *parts), controls)


def result(number, operation, code=0, text="", more=b""):
    return message(number, operation, ber(10, bytes([code])), octets(""), octets(text), more)


def entry(number, dn="dc=x", **attributes):
    parts = [
        ber(0x30, octets(name.replace("_", ";")), ber(0x31, *map(octets, values)))
        for name, values in attributes.items()
    ]
    return message(number, 0x64, octets(dn), ber(0x30, *parts))


def bound(number=2, code=0, text="", more=b""):
    return result(number, 0x61, code, text, more)


def done(number=3, code=0, text="", more=b""):
    return result(number, 0x65, code, text, more)


def extended(number=1, code=0, text="", more=b""):
    return result(number, 0x78, code, text, more)
