"""Stapled OCSP answers (RFC 6960), parsed by ``cryptography`` and judged as clients judge them.

An answer counts where it is about the certificate at hand, signed by who issued that certificate or by a responder that
the issuer has named (section 4.2.2.2), and in date (section 4.2.2.1).
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from lvsmon.model import Revocation

_SKEW: Final = 300.0
"""Seconds by which the clocks of director and responder may differ."""


def judge(staple: bytes | None, certificate: bytes, issuers: Iterable[bytes], at: float) -> Revocation:
    """Return what ``staple`` says of ``certificate`` (DER) at the wall-clock time ``at``.

    ``issuers`` are certificates (DER) among which its issuer is looked for: the one whose key has signed it.
    """
    if staple is None:
        return Revocation("none", "no revocation staple is sent")
    try:
        leaf = x509.load_der_x509_certificate(certificate)
        issuer = _issuer(leaf, issuers)
        answer = ocsp.load_der_ocsp_response(staple)
        if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            return _unusable(f"holds no answer: the responder said {answer.response_status.name.lower()}")
        if issuer is None:
            return _unusable("cannot be checked: the certificate of who issued the realserver's is not known")
        return _read(answer, leaf, issuer, at)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:  # what cryptography says of what it cannot read
        return _unusable(f"cannot be read: {error}"[:200])


def must_be_stapled(certificate: bytes) -> bool:
    """Whether the certificate itself demands a staple, and clients refuse it without (RFC 7633)."""
    try:
        extensions = x509.load_der_x509_certificate(certificate).extensions
        features = extensions.get_extension_for_class(x509.TLSFeature).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return False
    return x509.TLSFeatureType.status_request in features


def _unusable(why: str) -> Revocation:
    return Revocation("unusable", f"the revocation staple {why}")


def _read(answer: ocsp.OCSPResponse, leaf: x509.Certificate, issuer: x509.Certificate, at: float) -> Revocation:
    found = next((single for single in answer.responses if _is_about(single, leaf, issuer)), None)
    if found is None:
        return _unusable("is about another certificate")
    if not _is_signed(answer, issuer, at):
        return _unusable("is not signed by who issued the certificate, nor by a responder that it has named")
    begins = found.this_update_utc.timestamp()
    until = found.next_update_utc.timestamp() if found.next_update_utc is not None else None
    if begins > at + _SKEW:
        return _unusable(f"is not valid before {_date(begins)}, and the director's clock says {_date(at)}")
    if until is not None and until < at - _SKEW:
        return _unusable(f"expired on {_date(until)}: it is not renewed")
    if found.certificate_status is ocsp.OCSPCertStatus.REVOKED:
        since = found.revocation_time_utc
        when = f" on {_date(since.timestamp())}" if since is not None else ""
        reason = f" ({found.revocation_reason.value})" if found.revocation_reason is not None else ""
        return Revocation("revoked", f"the certificate was revoked{when}{reason}, says its revocation staple", until)
    if found.certificate_status is not ocsp.OCSPCertStatus.GOOD:
        return _unusable("says that the responder does not know the certificate")
    return Revocation("good", "not revoked", until)


def _issuer(leaf: x509.Certificate, candidates: Iterable[bytes]) -> x509.Certificate | None:
    for der in candidates:
        try:
            candidate = x509.load_der_x509_certificate(der)
            leaf.verify_directly_issued_by(candidate)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            continue  # not this one
        return candidate
    return None


def _is_about(single: ocsp.OCSPSingleResponse, leaf: x509.Certificate, issuer: x509.Certificate) -> bool:
    request = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, single.hash_algorithm).build()
    asked = request.serial_number, request.issuer_name_hash, request.issuer_key_hash
    return asked == (single.serial_number, single.issuer_name_hash, single.issuer_key_hash)


def _is_signed(answer: ocsp.OCSPResponse, issuer: x509.Certificate, at: float) -> bool:
    return any(_has_signed(signer, answer) for signer in (issuer, *_delegates(answer, issuer, at)))


def _delegates(answer: ocsp.OCSPResponse, issuer: x509.Certificate, at: float) -> Iterable[x509.Certificate]:
    """Yield the certificates sent along by which the issuer itself lets a responder sign."""
    for sent in answer.certificates:
        try:
            sent.verify_directly_issued_by(issuer)
            usage = sent.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound):
            continue
        in_date = sent.not_valid_before_utc.timestamp() <= at + _SKEW and sent.not_valid_after_utc.timestamp() >= at
        if in_date and ExtendedKeyUsageOID.OCSP_SIGNING in usage:
            yield sent


def _has_signed(signer: x509.Certificate, answer: ocsp.OCSPResponse) -> bool:
    key, signed, signature = signer.public_key(), answer.tbs_response_bytes, answer.signature
    digest = answer.signature_hash_algorithm
    try:
        if isinstance(key, rsa.RSAPublicKey) and digest is not None:
            key.verify(signature, signed, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey) and digest is not None:
            key.verify(signature, signed, ec.ECDSA(digest))
        elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            key.verify(signature, signed)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
