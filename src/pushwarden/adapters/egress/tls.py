"""TLS towards providers: verified always, h2 offered, a client certificate from memory and never from disk."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from pushwarden.core.errors import VaultRefused
from pushwarden.providers.port import ClientCertificate


def client_context(ca: Path | None = None, certificate: ClientCertificate | None = None) -> ssl.SSLContext:
    """ca: PEM of the only authority trusted (simulators); None: the system's. About 1 ms; keep it for a connection's
    identity. VaultRefused when the certificate and its key cannot be used."""
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(ca) if ca else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    if certificate is not None:
        _present(context, certificate)
    return context


def _present(context: ssl.SSLContext, certificate: ClientCertificate) -> None:
    # The ssl module reads certificates only from files; this one has no name on any disk.
    handle = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        os.write(handle, certificate.pem.reveal())
        context.load_cert_chain(f"/proc/self/fd/{handle}", password="")  # an encrypted key fails, not asks
    except ssl.SSLError:
        raise VaultRefused("The client certificate and its key cannot be used for TLS; upload them again.") from None
    finally:
        os.close(handle)
