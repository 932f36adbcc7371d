"""Stapled OCSP answers for tests, right and wrong."""

import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from certificates import issue

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)


def staple(about, by, *, status="GOOD", begins=-1, ends=7, signer=None, send=(), algorithm=None):
    """Return an answer about a certificate issued by ``by``; dates are days from now, ``ends`` None says none."""
    signer = signer or by
    revoked = status == "REVOKED"
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            about.certificate,
            by.certificate,
            algorithm or hashes.SHA1(),  # noqa: S303  what responders use (RFC 5019)
            ocsp.OCSPCertStatus[status],
            NOW + dt.timedelta(days=begins),
            None if ends is None else NOW + dt.timedelta(days=ends),
            NOW - dt.timedelta(days=2) if revoked else None,
            x509.ReasonFlags.key_compromise if revoked else None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
    )
    if send:
        builder = builder.certificates([one.certificate for one in send])
    answer = builder.sign(signer.key, hashes.SHA256())
    return answer.public_bytes(serialization.Encoding.DER)


def refused():
    """Return what a responder says that has no answer now."""
    answer = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    return answer.public_bytes(serialization.Encoding.DER)


def delegate(by, **more):
    """Return a responder's certificate, with which ``by`` lets it sign."""
    more.setdefault("purpose", ExtendedKeyUsageOID.OCSP_SIGNING)
    return issue("Responder", by=by, **more)


def der(issued):
    return issued.certificate.public_bytes(serialization.Encoding.DER)
