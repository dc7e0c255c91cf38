"""The vault: seal where credentials arrive, open only where pushes leave."""

from pushwarden.adapters.vault.hpke import Opening, Sealing
from pushwarden.adapters.vault.keys import make_keys, private_keys, public_key

__all__ = ["Opening", "Sealing", "make_keys", "private_keys", "public_key"]
