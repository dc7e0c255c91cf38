"""Topics and conditions on topics: recipients the provider itself knows, named in one request without device rows.

Grammar as FCM reads it: `'a' in topics && ('b' in topics || !('c' in topics))`.
"""

from __future__ import annotations

import re

from pushwarden.core.errors import Invalid

TOPIC, CONDITION = "/topics/", "/condition/"
"""What the one member of such a shard begins with; no device token holds a slash."""

TOPICS_AT_MOST = 5
LENGTH_LIMIT = 1000
_NAME = re.compile(r"[A-Za-z0-9\-_.~%]+")
_IN_TOPICS = re.compile(r"'[A-Za-z0-9\-_.~%]+' in topics")
_STEP = re.compile(r"!\0|\(\0\)|\0&&\0|\0\|\|\0")


def topic_member(name: str) -> str:
    """A topic as a member of a shard; `/topics/` before the name may be given. Invalid when it is no topic."""
    bare = name.removeprefix(TOPIC)
    if len(bare) > LENGTH_LIMIT or not _NAME.fullmatch(bare):
        raise Invalid("to.topic may hold only letters, digits and -_.~%; name one topic.", field="to.topic")
    return TOPIC + bare


def condition_member(text: str) -> str:
    """A condition as a member of a shard. Invalid when it cannot be read or names more than five topics."""
    if len(text) > LENGTH_LIMIT or "\0" in text or "\n" in text:
        raise Invalid(f"to.condition has at most {LENGTH_LIMIT} characters, on one line.", field="to.condition")
    count = len(_IN_TOPICS.findall(text))
    if count > TOPICS_AT_MOST:
        raise Invalid(f"to.condition names {count} topics; {TOPICS_AT_MOST} is the most.", field="to.condition")
    left = _IN_TOPICS.sub("\0", text).replace(" ", "")
    while (shorter := _STEP.sub("\0", left)) != left:
        left = shorter
    if left != "\0":
        raise Invalid(
            "to.condition cannot be read; write it like 'a' in topics && ('b' in topics || 'c' in topics).",
            field="to.condition",
        )
    return CONDITION + text
