"""Sans-I/O codecs: bytes in, events out; only the standard library and `lvsmon.errors` are known here."""
