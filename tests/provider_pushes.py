"""A push for the tests of providers, and whatever a caller may write into one."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from pushwarden.core.lane import Class
from pushwarden.core.push import Message, Push, PushType
from pushwarden.core.scope import Environment

NOW_MS = 1_700_000_000_000
PUSH_ID = "0123456789abcdef0123"
TEXT = st.one_of(
    st.sampled_from(
        ["", "Hi", "{{user}}", "Hi {{user}} {{build}}", "{{other}}", "\ud800", "a\r\nb", '"\\', "😀" * 600]
    ),
    st.text(st.characters(), max_size=40),
)


def push(push_type: PushType = PushType.ALERT, *, expires_ms: int = 3_600_000, **given: Any) -> Push:
    """Fields of Message go into the message, the others into the push. It expires after `expires_ms`."""
    fields = {name: given.pop(name) for name in list(given) if name in Message.__dataclass_fields__}
    return Push(
        id=PUSH_ID,
        organisation="acme",
        app="shop",
        environment=Environment.PRODUCTION,
        type=push_type,
        klass=Class.NORMAL,
        message=Message(**fields),
        accepted_at=NOW_MS,
        expires_at=NOW_MS + expires_ms,
        **given,
    )


def json_values(integers: st.SearchStrategy[int]) -> st.SearchStrategy[Any]:
    """Nested, with such integers."""
    return st.recursive(
        st.none() | st.booleans() | integers | TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
        max_leaves=6,
    )


def messages(values: st.SearchStrategy[Any], **overrides: st.SearchStrategy[Any]) -> st.SearchStrategy[Message]:
    """values: of `data`. overrides: by provider."""
    return st.builds(
        Message,
        title=TEXT,
        body=TEXT,
        image=TEXT,
        sound=TEXT,
        badge=st.none() | st.integers(-1, 3),
        link=TEXT,
        data=st.dictionaries(TEXT, values, max_size=3),
        overrides=st.fixed_dictionaries({}, optional=overrides),
    )
