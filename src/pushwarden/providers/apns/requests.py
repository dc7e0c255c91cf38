"""A certificate request as Keychain Access makes it, and what a person does with it at Apple."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from pushwarden.core.secret import Secret
from pushwarden.providers.apns.certificates import public_key_name
from pushwarden.providers.port import SigningRequest

KEY_BITS = 2048
"""RSA, as Apple asks for (developer.apple.com, "Create a certificate signing request")."""
PAGE = "https://developer.apple.com/account/resources/certificates/add"
SERVICES = {
    "": "Apple Push Notification service SSL (Sandbox & Production)",
    "voip": "VoIP Services Certificate",
    "complication": "WatchKit Services Certificate",
}
"""Slot → what to choose on that page. The first from Apple's documentation, the others from memory."""


class AppleRequests:
    """`Requesting`."""

    page = PAGE

    def make(self, name: str, email: str) -> SigningRequest:
        key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        parts = [x509.NameAttribute(NameOID.EMAIL_ADDRESS, email)] if email else []
        subject = x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return SigningRequest(
            made.public_bytes(serialization.Encoding.PEM).decode(), public_key_name(key.public_key()), Secret(pem)
        )

    def steps(self, bundle_id: str, slot: str, file_name: str) -> tuple[str, ...]:
        return (
            f"Open {PAGE} and sign in as an admin of the team.",
            f'Under Services choose "{SERVICES.get(slot, SERVICES[""])}" and press Continue.',
            f'As App ID choose "{bundle_id or "that of the app"}" and press Continue.',
            f'Press "Choose File", take {file_name} and press Continue.',
            'Press "Download": Apple gives a .cer file.',
        )
