"""What people call whoever did something: a person, an API key, or a process of Pushwarden."""

from __future__ import annotations

from pushwarden.control.services import Services
from pushwarden.core.deeds import process


def called(services: Services, actor: str, then: str = "") -> str:
    """then: the name it had when it did it. One that is gone and had none is its id."""
    return then or services.roll.name(actor) or services.ring.name(actor) or process(actor) or actor
