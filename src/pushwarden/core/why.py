"""Why a device did or did not get a push: the possible conclusions, and what is said of each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Conclusion(StrEnum):
    OPENED = "opened"
    CONFIRMED = "confirmed"
    ACCEPTED = "accepted"
    IN_RANGE = "in_range"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    HELD = "held"
    SCHEDULED = "scheduled"
    ON_ITS_WAY = "on_its_way"
    STOPPED = "stopped"
    EXPIRED = "expired"
    SOME_ENDED = "some_ended"
    WITHDRAWN = "withdrawn"
    OTHER_KIND = "other_kind"
    NOT_NAMED = "not_named"
    NAMES_NOT_KEPT = "names_not_kept"
    TAGS_DIFFER = "tags_differ"
    REGISTERED_LATER = "registered_later"
    DEAD_BEFORE = "dead_before"


@dataclass(frozen=True, slots=True)
class Words:
    """title: the conclusion. text: what it rests on. todo: what to do next, empty when there is nothing."""

    title: str
    text: str
    todo: str = ""

    def filled(self, **facts: object) -> Words:
        return Words(self.title.format(**facts), self.text.format(**facts), self.todo.format(**facts))


WORDS: dict[Conclusion, Words] = {
    Conclusion.OPENED: Words("Opened on the device", "The app reported that a person opened it."),
    Conclusion.CONFIRMED: Words("Confirmed by the device", "The app reported that it received the push."),
    Conclusion.ACCEPTED: Words(
        "Accepted by {provider}",
        "{provider} took the push for this device. What happens after that is between {provider} and the phone.",
        "If it did not show: look at the phone's permission, its Focus, and whether the app was in the foreground.",
    ),
    Conclusion.IN_RANGE: Words(
        "In range, no refusal recorded",
        "This push went to a range of devices and this one lies in it. Of those that were accepted no list is kept; "
        "had {provider} refused it for this device, that would stand here.",
        "To know it for certain the next time, send to this device alone or with `confirm`.",
    ),
    Conclusion.REFUSED: Words("{reason_title}", "{meaning}", "{action}"),
    Conclusion.UNKNOWN: Words("No answer came, so it may have arrived", "{meaning}", "{action}"),
    Conclusion.HELD: Words(
        "Held, not sent yet",
        "Sending is stopped, or the lane is held; nothing is lost.",
        "Resume, or release the hold.",
    ),
    Conclusion.SCHEDULED: Words("Waiting for its time", "The push is to go out later."),
    Conclusion.ON_ITS_WAY: Words(
        "On its way", "The push is queued or being sent right now.", "Look again in a moment."
    ),
    Conclusion.STOPPED: Words("Stopped before it was sent", "The push was cancelled, or discarded at a resume."),
    Conclusion.EXPIRED: Words(
        "Expired before it was sent",
        "Its time to live ended while it waited.",
        "Send it again, with a longer ttl when it may wait.",
    ),
    Conclusion.SOME_ENDED: Words(
        "In range, but not everyone was sent to",
        "{count} of {planned} recipients were not sent to: they expired, were stopped or were withdrawn. Which ones is "
        "not kept, so this device may be one of them.",
        "Send it to this device again if it matters.",
    ),
    Conclusion.WITHDRAWN: Words(
        "Gone before it was sent", "The device was removed, or its token was found dead, while the push waited."
    ),
    Conclusion.OTHER_KIND: Words(
        "Not meant for this token",
        "A {type} push goes to tokens of the kind {wanted}; this one is of the kind {kind}.",
        "Register the app's {wanted} token for this installation.",
    ),
    Conclusion.NOT_NAMED: Words(
        "Not addressed", "The push named its recipients, and this device was none of them: {to}."
    ),
    Conclusion.NAMES_NOT_KEPT: Words(
        "No refusal recorded",
        "The push named its recipients ({to}). Who they were is kept only for pushes to a few, so whether this device "
        "was one of them cannot be said any more.",
    ),
    Conclusion.TAGS_DIFFER: Words(
        "Not addressed, by its tags",
        "The push went to devices with `{tags}`; the tags of this one do not match today.",
        "Compare the device's tags with the expression.",
    ),
    Conclusion.REGISTERED_LATER: Words(
        "Registered after the push",
        "This token was registered at {registered}, after the push was accepted.",
        "Send again: it is registered now.",
    ),
    Conclusion.DEAD_BEFORE: Words(
        "Its token was dead already",
        "The provider had said so at {gone} ({gone_reason}), before the push was accepted.",
        "The app registers a new token when it is opened again.",
    ),
}
