"""The kinds of text a request may hold, so that nothing with a line break or a control character gets in."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from pushwarden.core.line import END as _END
from pushwarden.core.line import LINE
from pushwarden.core.mail import ADDRESS, LONGEST_ADDRESS

Slug = Annotated[str, Meta(pattern=rf"^[a-z0-9][a-z0-9._-]{{0,62}}{_END}", max_length=63)]
Name = Annotated[str, Meta(pattern=LINE, min_length=1, max_length=200)]
Text = Annotated[str, Meta(pattern=LINE, max_length=1000)]
Identifier = Annotated[str, Meta(pattern=rf"^[A-Za-z0-9._-]*{_END}", max_length=255)]
Url = Annotated[str, Meta(pattern=rf"^https?://[!-~]+{_END}", max_length=2000)]
Email = Annotated[str, Meta(pattern=ADDRESS, max_length=LONGEST_ADDRESS)]
Version = Annotated[int, Meta(ge=1, le=2**53)]


class Request(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A request's body: what it does not know it refuses by name."""


def given(request: msgspec.Struct) -> dict[str, Any]:
    """The fields that were sent, `version` left out."""
    sent = ((name, getattr(request, name)) for name in request.__struct_fields__ if name != "version")
    return {name: value for name, value in sent if value is not msgspec.UNSET}
