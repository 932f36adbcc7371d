"""TLS on the sockets of `lvsmon.net.sockets`: bytes in and out of OpenSSL's memory, no event loop.

`values` is what others name; the rest is loaded when a stream first starts TLS.
"""
