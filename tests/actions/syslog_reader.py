"""Reading syslog messages by the grammar of RFC 5424 section 6 and by the form of RFC 3164."""

import re

PARAM = re.compile(r' ([!#-<>-\\^-~]{1,32})="((?:[^"\\\]]|\\["\\\]])*)"')
RFC5424 = re.compile(
    r"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) ([!-~]{1,255}) ([!-~]{1,48}) (-) ([!-~]{1,32}) "
    rf"\[([!#-<>-\\^-~]{{1,32}})((?:{PARAM.pattern})+)\] ([^\n]*)",
)
RFC3164 = re.compile(r"<(\d{1,3})>([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (?:([!-9;-~]+) )?([!-9;-~]{1,32}): ([^\n]*)")


def read5424(raw):
    """Return (priority, time, host, app, msgid, sd-id, parameters, text)."""
    found = RFC5424.fullmatch(raw.decode())
    assert found, raw
    params = [(name, re.sub(r'\\(["\\\]])', r"\1", value)) for name, value in PARAM.findall(found[8])]
    return int(found[1]), found[2], found[3], found[4], found[6], found[7], params, found[found.re.groups]


def read3164(raw):
    """Return (priority, time, host or None, tag, text)."""
    found = RFC3164.fullmatch(raw.decode())
    assert found, raw
    return int(found[1]), *found.groups()[1:]
