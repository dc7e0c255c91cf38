"""What a caller is told of an accepted push: where it is, how it stands, and what it should know."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from pushwarden.core.scope import Scope
from pushwarden.dataplane.intake.draft import Draft
from pushwarden.ports.journal import Accepted

_MARK = "<id>"
_NOBODY = "Nobody gets this push: no live device matches."


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to an accepted push. estimated: recipients as far as intake can know.

    A replayed one has only the earlier push's id and links: ask there how it stands.
    """

    id: str
    links: dict[str, str]
    state: str = ""
    estimated: int | None = None
    replayed: bool = False
    warnings: list[str] = []


def receipt(draft: Draft, accepted: Accepted) -> Receipt:
    links = _links(draft.push.scope, accepted.push_id)
    if accepted.replayed:
        return Receipt(accepted.push_id, links, replayed=True)
    state = _state(nobody=not draft.plan.shards, held=draft.acceptance.held)
    return Receipt(accepted.push_id, links, state, draft.plan.estimated, warnings=warnings(draft))


def replayed(where: Scope, push_id: str) -> bytes:
    """The JSON of a replayed push's receipt."""
    return msgspec.json.encode(Receipt(push_id, _links(where, push_id), replayed=True))


def receipt_of(where: Scope, push_id: str, estimated: int, held: bool) -> bytes:
    """The JSON of a receipt that differs from others of its kind in the id alone."""
    return push_id.join(_pieces(where, estimated, held)).encode()


def warnings(draft: Draft) -> list[str]:
    """What the caller should know though the push was taken."""
    said = [
        f"{count} devices of {provider} are left out: it has no active credential here for {draft.push.type} pushes."
        for provider, count in draft.plan.left_out.items()
        if count
    ]
    if not draft.plan.shards:
        said.append(_NOBODY)
    return [*said, *draft.doubts]


@lru_cache(maxsize=256)
def _pieces(where: Scope, estimated: int, held: bool) -> list[str]:
    warned = [] if estimated else [_NOBODY]
    made = Receipt(_MARK, _links(where, _MARK), _state(nobody=not estimated, held=held), estimated, warnings=warned)
    return msgspec.json.encode(made).decode().split(_MARK)


def _state(*, nobody: bool, held: bool) -> str:
    return "done" if nobody else "held" if held else "open"


def _links(where: Scope, push_id: str) -> dict[str, str]:
    base = f"/v1/apps/{where.app}/{where.environment}/pushes/{push_id}"
    return {"self": base, "failures": f"{base}/failures", "cancel": f"{base}/cancel"}
