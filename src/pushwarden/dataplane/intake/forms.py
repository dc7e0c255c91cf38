"""Whether a request is plain: of a form that was judged before, with texts that cannot make a difference. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from pushwarden.core.app import App
from pushwarden.core.errors import Invalid, PushwardenError
from pushwarden.core.lane import Class, Lane
from pushwarden.core.push import PushType
from pushwarden.core.scope import Scope
from pushwarden.dataplane.intake.parse import check, check_tree
from pushwarden.dataplane.intake.plan import default_ttl, push_of
from pushwarden.dataplane.intake.request import COLLAPSE_BYTES, PushRequest
from pushwarden.providers.port import Plain, Provider

MOST_FORMS = 1024
"""Forms remembered of one place; there are few but for a caller that tries them out."""

_SCALARS = frozenset({str, bool, float, type(None)})
_encode = msgspec.json.Encoder().encode


class Words(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A Message as the journal keeps it, without what is empty."""

    title: str = ""
    subtitle: str = ""
    body: str = ""
    icon: str = ""
    image: str = ""
    sound: str = ""
    badge: int | None = None
    link: str = ""
    data: dict[str, Any] = {}


class Form(msgspec.Struct, frozen=True, gc=False):
    """What all pushes of a form share. ttl: seconds, when the request gives none."""

    type: str
    klass: str
    token_kind: str
    priority: str
    ttl: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where pushes are sent to, as the configuration in effect has it.

    slots: push type → provider with a credential for it → the slot it goes by there; nothing where one must be told.
    """

    where: Scope
    app: App
    providers: Mapping[str, Provider]
    slots: Mapping[str, Mapping[str, str]]

    def reached(self, push_type: str) -> list[Provider]:
        return [self.providers[name] for name in self.slots[push_type]]

    def lane(self, provider: str, form: Form) -> str | None:
        """The lane's key; None for a provider without a credential."""
        where, slots = self.where, self.slots[form.type]
        if provider not in slots or where.environment is None:
            return None
        place = (where.organisation, where.app, where.environment)
        return Lane(*place, provider, Class(form.klass), slots[provider]).key


class Forms:
    """The forms of one place. What is not plain is not refused: it is looked at one by one."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._plain = {push_type: _plain(push_type, place.reached(push_type)) for push_type in PushType}
        self._known: dict[tuple[Any, ...], Form | None] = {}

    def plain(self, request: PushRequest, now_ms: int) -> tuple[Form, str] | None:
        """The form and the message's JSON of a request that may be accepted, None when that is not certain."""
        plain = self._plain[request.type]
        if plain is None or request.apns or request.fcm or request.wns or request.webpush or request.hms:
            return None
        if request.credential or request.confirm or request.test:
            return None
        message = _message(request, plain)
        if message is None or (request.collapse_id and not _is_plain_id(request.collapse_id)):
            return None
        form = self._form(request, now_ms)
        return None if form is None else (form, message)

    def _form(self, request: PushRequest, now_ms: int) -> Form | None:
        key = (
            request.type, request.priority, request.ttl == 0, request.not_before is None, not request.collapse_id,
            not request.title, not request.subtitle, not request.body, not request.icon, not request.image,
            not request.sound, request.badge is None, not request.link, not request.data,
        )  # fmt: skip
        if key not in self._known:
            if len(self._known) >= MOST_FORMS:
                self._known.clear()
            self._known[key] = self._judged(request, now_ms)
        return self._known[key]

    def _judged(self, request: PushRequest, now_ms: int) -> Form | None:
        """By the rules that every push is judged by."""
        try:
            push = push_of(check(request), self.place.where, now_ms)
            for provider in self.place.reached(push.type):
                provider.validate(push, self.place.app)
        except PushwardenError:
            return None
        kind = request.type.token_kind
        return Form(str(push.type), str(push.klass), kind, push.priority, default_ttl(request.type))


def _plain(push_type: PushType, providers: Iterable[Provider]) -> Plain | None:
    """What is certain for all of the providers."""
    each = [provider.facts.plain.get(push_type) for provider in providers]
    known = [plain for plain in each if plain is not None]
    if not known or len(known) < len(each):
        return None
    return Plain(
        frozenset().union(*(plain.reserved for plain in known)),
        min(plain.limit for plain in known),
        sum((plain.starts for plain in known), ()),
    )


def _message(request: PushRequest, plain: Plain) -> str | None:
    data = request.data
    if data and not (_is_free(data, plain) and _is_plain_data(data)):
        return None
    words = Words(
        request.title, request.subtitle, request.body, request.icon, request.image, request.sound, request.badge,
        request.link, data,
    )  # fmt: skip
    try:
        message = _encode(words)
    except UnicodeEncodeError:
        return None
    return message.decode() if len(message) <= plain.limit and b"{{" not in message else None


def _is_free(names: Iterable[str], plain: Plain) -> bool:
    """Whether none of these names is a provider's own."""
    if not plain.reserved.isdisjoint(names):
        return False
    return not plain.starts or not any(name.startswith(plain.starts) for name in names)


def _is_plain_data(data: Mapping[str, Any]) -> bool:
    if _SCALARS.issuperset(map(type, data.values())):
        return True
    try:
        check_tree(data, "data")
    except Invalid:
        return False
    return True


def _is_plain_id(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text and len(text) <= COLLAPSE_BYTES
