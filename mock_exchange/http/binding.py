"""What binds a proof of identity to the TLS channel it comes on (RFC 5929, `tls-server-end-point`)."""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes


def end_point(certificate: str | Path) -> bytes:
    """Return the binding of a server that shows the first certificate of a PEM file."""
    shown = x509.load_pem_x509_certificate(Path(certificate).read_bytes())
    algorithm = shown.signature_hash_algorithm
    if algorithm is None or algorithm.name in {"md5", "sha1"}:
        algorithm = hashes.SHA256()
    return b"tls-server-end-point:" + shown.fingerprint(algorithm)
