"""Single pushes as rows of a sheet, many at once and without an object each. What is not plain is left out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import UNSET

from pushwarden.core.app import Snapshot
from pushwarden.core.errors import Invalid, NoCredential, PushwardenError
from pushwarden.core.push import PushType
from pushwarden.core.scope import Scope
from pushwarden.core.shard import SHARD_WIDTH, ShardKind
from pushwarden.dataplane.intake.authorize import app_of, hold_or_refuse
from pushwarden.dataplane.intake.draft import Caller, Sources
from pushwarden.dataplane.intake.equipped import Equipment
from pushwarden.dataplane.intake.forms import Form, Forms, Place
from pushwarden.dataplane.intake.parse import due_ms, fingerprint
from pushwarden.dataplane.intake.plan import packed, push_ids
from pushwarden.dataplane.intake.request import BODY_LIMIT, PushRequest, To
from pushwarden.ports.journal import Part, Sheet, Single

_decode = msgspec.json.Decoder(PushRequest).decode
_LIST = str(ShardKind.LIST)
_Found = Mapping[str, Mapping[int, Sequence[int]]]
_NOBODY: Mapping[int, Sequence[int]] = {}


class _Row(msgspec.Struct, frozen=True, gc=False):
    """A plain request to one user. at: its place among the bodies."""

    at: int
    request: PushRequest
    user: str
    form: Form
    message: str
    not_before: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """at: for each row of the sheet, its place among the bodies it was drawn from."""

    sheet: Sheet
    at: Sequence[int]


class Singles:
    """Draws sheets. It decides as the other steps of intake do; what needs a closer look it leaves out."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._equipment = Equipment(sources.providers)
        self._snapshot: Snapshot | None = None
        self._forms: dict[Scope, Forms] = {}

    async def draw(self, caller: Caller, bodies: Sequence[bytes], keys: Sequence[str]) -> Drawn | None:
        """keys: the idempotency key of each body, or nothing at all. None when there is no plain request among them."""
        where = caller.where
        try:
            forms = self._forms_of(where)
            held = hold_or_refuse(where, self._sources.stops.current(), "hold")
        except PushwardenError:
            return None
        now_ms = self._sources.clock.now_ms()
        rows = [row for at, body in enumerate(bodies) if (row := _row(at, body, forms, now_ms, held)) is not None]
        parts = await self._parts(forms.place, rows)
        ids = push_ids(now_ms, len(rows))
        drawn = [
            (row.at, _single(row, own, push, now_ms, where, keys))
            for row, own, push in zip(rows, parts, ids, strict=True)
            if own is not None
        ]
        if not drawn:
            return None
        sheet = Sheet(where, caller.actor, now_ms, held, [one for _, one in drawn], caller.source)
        return Drawn(sheet, [at for at, _ in drawn])

    def _forms_of(self, where: Scope) -> Forms:
        snapshot = self._sources.snapshot()
        if snapshot is not self._snapshot:
            self._snapshot, self._forms = snapshot, {}
        if where not in self._forms:
            app = app_of(snapshot, where)
            closer = app.tries(where.environment)
            slots = {str(one): {} if closer else self._slots(snapshot, where, one) for one in PushType}
            self._forms[where] = Forms(Place(where, app, self._sources.providers, slots))
        return self._forms[where]

    def _slots(self, snapshot: Snapshot, where: Scope, push_type: PushType) -> Mapping[str, str]:
        """Nothing where the caller must be told something of the credential."""
        try:
            equipped = self._equipment.of(snapshot, where, push_type)
        except NoCredential:
            return {}
        return {} if equipped.disabled else equipped.slots

    async def _parts(self, place: Place, rows: Sequence[_Row]) -> list[tuple[Part, ...] | None]:
        """The shards of each row; None where a closer look is needed."""
        named: dict[str, list[str]] = {}
        for row in rows:
            named.setdefault(row.form.token_kind, []).append(row.user)
        found = {kind: await self._find(place.where, users, kind) for kind, users in named.items()}
        seen = {audience for users in found.values() for each in users.values() for audience in each}
        audiences = await self._sources.recipients.audiences(place.where, seen)
        forms = {row.form for row in rows}
        lanes = {
            (audience, form): place.lane(audiences[audience].provider, form) for audience in seen for form in forms
        }
        return [_parts(found[row.form.token_kind].get(row.user, _NOBODY), row.form, lanes) for row in rows]

    async def _find(self, where: Scope, users: Sequence[str], token_kind: str) -> _Found:
        return await self._sources.recipients.devices.find_each(where, users, token_kind)


def _row(at: int, body: bytes, forms: Forms, now_ms: int, held: bool) -> _Row | None:
    if len(body) > BODY_LIMIT:
        return None
    try:
        request = _decode(body)
        due = 0 if request.not_before is None else due_ms(request.not_before)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Invalid):
        return None
    user = _user(request.to)
    if not user or (held and request.when_stopped == "refuse"):
        return None
    plain = forms.plain(request, now_ms)
    return None if plain is None else _Row(at, request, user, *plain, due)


def _user(to: To) -> str:
    """The user a push goes to, empty when it is named otherwise or not printable."""
    alone = to.users is to.device is to.tokens is to.tags is to.all is to.topic is to.condition is to.provider is UNSET
    return to.user if alone and to.user is not UNSET and to.user.isprintable() else ""


def _parts(
    found: Mapping[int, Sequence[int]], form: Form, lanes: Mapping[tuple[int, Form], str | None]
) -> tuple[Part, ...] | None:
    parts = []
    for audience, seqs in found.items():
        lane = lanes[audience, form]
        if lane is None or len(seqs) > SHARD_WIDTH:
            return None
        parts.append(Part(_LIST, audience, lane, len(seqs), packed(seqs)))
    return tuple(parts)


def _single(row: _Row, parts: tuple[Part, ...], push: str, now_ms: int, where: Scope, keys: Sequence[str]) -> Single:
    request, form = row.request, row.form
    ttl = form.ttl if request.ttl is None else request.ttl
    key = keys[row.at] if keys else ""
    return Single(
        push, form.type, form.klass, form.priority, row.message, max(now_ms, row.not_before) + ttl * 1000,
        row.not_before, request.collapse_id, "user " + row.user, parts, key,
        fingerprint(request, where.key) if key else b"",
    )  # fmt: skip
