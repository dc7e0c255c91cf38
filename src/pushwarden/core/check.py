"""One line of what was found out about a credential, offline or live."""

from __future__ import annotations

from dataclasses import dataclass

from pushwarden.core.messages import Result, message, plain


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a report, in the words of core/messages. evidence: the fact that shows it, never a secret."""

    id: str
    result: str  # a Result
    title: str
    message: str
    next: str = ""
    evidence: str = ""

    @property
    def sentence(self) -> str:
        """Title and text in one line."""
        return f"{self.title}. {self.message}"

    @classmethod
    def of(cls, id: str, evidence: str = "", result: Result | None = None, **values: object) -> Check:
        """The message `id` with its values. result: where it is not what the message means by itself."""
        said = message(id, **values)
        return cls(id, result or said.result, said.title, said.text, said.next, plain(evidence))
