"""7 health: a credential that is refused again and again pauses its own lanes and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

PATIENCE = 3
"""Refusals for the credential's sake, with nothing accepted between, before its lanes pause."""
FIRST_PAUSE, LONGEST_PAUSE = 15.0, 300.0
"""Seconds a paused lane waits before it tries again; doubling. A new credential ends the pause at once."""


@dataclass(slots=True)
class Health:
    """One lane family's credential as the provider treats it. Times are loop seconds."""

    credential: str = ""  # id and version it speaks of
    refusals: int = 0
    pauses: int = 0
    until: float = 0.0
    sentence: str = ""

    def accepted(self) -> None:
        self.refusals = self.pauses = 0
        self.until, self.sentence = 0.0, ""

    def refused(self, credential: str, reason: str, now: float, *, certain: bool = False) -> None:
        """Counts a refusal; the third in a row pauses, or the first when it is certain that the credential is bad."""
        if credential != self.credential:
            self.changed(credential)
        self.refusals += 1
        if (certain or self.refusals >= PATIENCE) and now >= self.until:
            self.until = now + min(FIRST_PAUSE * 2**self.pauses, LONGEST_PAUSE)
            self.pauses += 1
            self.refusals = 0
            self.sentence = (
                f"The provider refuses the credential ({reason}). Its pushes wait, none is lost and no device was "
                "touched; check the credential or activate another one."
            )

    def changed(self, credential: str) -> None:
        """Another credential is active: what was held against the old one is void."""
        self.credential, self.refusals, self.pauses, self.until, self.sentence = credential, 0, 0, 0.0, ""

    def paused(self, now: float) -> bool:
        return now < self.until
