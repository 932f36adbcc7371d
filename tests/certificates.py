"""A certificate authority for tests: makes any certificate, also those that no authority should."""

import datetime as dt
import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lvsmon.model.settings import Secret

NOW = dt.datetime.now(dt.UTC)


def days(count):
    return dt.timedelta(days=count)


@dataclass(frozen=True)
class Issued:
    """A certificate with its key; ``chain`` is what a server sends besides it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    chain: tuple["Issued", ...] = field(default=())

    @property
    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self):
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    @property
    def key_secret(self):
        return Secret(self.key_pem)

    def write(self, folder: Path, name: str):
        """Write the certificate with its chain, and the key; return both paths."""
        certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
        certificate.write_text(self.pem + "".join(link.pem for link in self.chain))
        key.write_text(self.key_pem)
        key.chmod(0o600)
        return str(certificate), str(key)


def issue(
    cn="", *, by=None, names=(), addresses=(), ca=False, begins=-30, ends=60, weak=False, purpose=None, send=(),
    must_staple=False,
):  # fmt: skip
    """Return a certificate; without ``by`` it signs itself. ``begins`` and ``ends`` are days from now."""
    key = rsa.generate_private_key(65537, 1024) if weak else ec.generate_private_key(ec.SECP256R1())  # noqa: S505
    signer = by or None
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)] if cn else [])
    issuer = signer.certificate.subject if signer else subject
    builder = (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(NOW + days(begins))
        .not_valid_after(NOW + days(ends))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if names or addresses:
        alternatives = [x509.DNSName(name) for name in names]
        alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=not cn)
    if purpose is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    if must_staple:
        builder = builder.add_extension(x509.TLSFeature([x509.TLSFeatureType.status_request]), critical=False)
    signed = builder.sign(signer.key if signer else key, hashes.SHA256())
    return Issued(signed, key, tuple(send))


CLIENT_ONLY = ExtendedKeyUsageOID.CLIENT_AUTH


class Authority:
    """A root, an intermediate, and certificates of the kinds that tests need, all for shop.example.org."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.root = issue("Lab Root", ca=True, ends=3000)
        self.inter = issue("Lab Intermediate", by=self.root, ca=True, ends=2000)
        self.ca_file = str(folder / "root.pem")
        Path(self.ca_file).write_text(self.root.pem)

    def server(self, names=("shop.example.org",), **more):
        """Return a certificate that clients accept, unless ``more`` says otherwise."""
        more.setdefault("by", self.inter)
        more.setdefault("send", (self.inter,))
        return issue(more.pop("cn", "shop.example.org"), names=names, **more)
