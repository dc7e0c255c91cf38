"""A certificate request as Keychain Access makes it, and the new key it is signed with."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from pushwarden.core.secret import Secret
from pushwarden.providers.apns.certificates import public_key_name
from pushwarden.providers.port import SigningRequest

KEY_BITS = 2048
"""Apple asks for RSA of 2,048 bits (developer.apple.com, "Create a certificate signing request")."""
LONGEST_NAME = 64
"""Characters of a common name (RFC 5280, ub-common-name)."""


def signing_request(name: str, email: str) -> SigningRequest:
    """Takes some 75 ms and lets other threads run. name: its common name, 1 … LONGEST_NAME characters.

    email: ASCII, empty for none.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    parts = [x509.NameAttribute(NameOID.EMAIL_ADDRESS, email)] if email else []
    subject = x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return SigningRequest(
        made.public_bytes(serialization.Encoding.PEM).decode(), public_key_name(key.public_key()), Secret(pem)
    )
