"""Routes as a table: each names the permission it needs, and the table can be listed, documented and tested."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Any, Generic, Protocol, TypeVar

from pushwarden.core.principal import Permission, Principal
from pushwarden.core.scope import Scope
from pushwarden.web.access import require
from pushwarden.web.body import LIMIT
from pushwarden.web.call import Answer, Call

Handler = Callable[[Call], Awaitable[Answer]]


class Within(Enum):
    """Where the permission must hold."""

    PATH = "path"  # the organisation, app and environment the path names
    INSTALLATION = "installation"  # everywhere: only what is granted installation-wide
    AROUND = "around"  # there, or in a part of it: whoever has one environment of an app may read its name
    HANDLER = "handler"  # it must be granted somewhere; the handler checks the scope it finds (or lists only that)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a route takes and gives, for the OpenAPI document: types msgspec knows, or None; query: parameter names.

    also: other statuses of the same answer.
    """

    body: Any = None
    answer: Any = None
    status: int = 200
    query: tuple[str, ...] = ()
    also: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """permission None: open to everyone, for health and what proves itself. action: how the audit calls a change or
    its refusal.

    noted: the frame writes the audit row of a success too, for what changes outside the catalog. keyed: a key of kind
    `feed` may stand in the address, for clients that cannot send a header. fresh: a person must have proved a moment
    ago to be the one.
    """

    method: str
    path: str
    handler: Handler
    permission: Permission | None
    within: Within
    action: str
    summary: str
    shape: Shape
    limit: int
    noted: bool
    keyed: bool = False
    fresh: bool = False


NO_SHAPE = Shape()


def admit(principal: Principal, permission: Permission, within: Within, where: Scope) -> None:
    """Forbidden or NotFound unless the principal may, there: the first check of every route and page."""
    if within is Within.AROUND and principal.about(permission, where):
        return
    if within is not Within.HANDLER or not principal.ever(permission):
        require(principal, permission, where)


def route(  # noqa: PLR0913 -- a row of a table
    method: str,
    path: str,
    handler: Handler,
    *,
    permission: Permission | None,
    within: Within = Within.PATH,
    action: str = "",
    summary: str = "",
    shape: Shape = NO_SHAPE,
    limit: int = LIMIT,
    noted: bool = False,
    keyed: bool = False,
    fresh: bool = False,
) -> Route:
    return Route(method, path, handler, permission, within, action, summary, shape, limit, noted, keyed, fresh)


class Addressed(Protocol):
    """What a router needs of a row of its table: a route of the API, a page of the console."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...


R = TypeVar("R", bound=Addressed)


@dataclass(slots=True)
class _Node(Generic[R]):
    """endings: what stands after a parameter in the same segment, the longest first."""

    literal: dict[str, _Node[R]] = field(default_factory=dict)
    endings: dict[str, _Node[R]] = field(default_factory=dict)
    routes: dict[str, tuple[R, tuple[str, ...]]] = field(default_factory=dict)


Found = tuple[dict[str, tuple[R, tuple[str, ...]]], tuple[str, ...]]
"""method → route and parameter names; the parameters' values."""

PATHS = 256
"""Remembered with what was found: a sender goes on asking for the same few. Frame bounds their length."""


class Router(Generic[R]):
    """Finds a route in time that depends on the path's length only. A literal segment beats a parameter.

    A parameter may be followed by an ending, as in `{request}.pem`; it beats one that is the whole segment.
    """

    def __init__(self, routes: Iterable[R]) -> None:
        self.routes: list[R] = []
        self._root: _Node[R] = _Node()
        self.find = lru_cache(maxsize=PATHS)(self._find)
        for item in routes:
            self._add(item)

    def _find(self, path: str) -> Found[R] | None:
        """None when no route has this path."""
        values: list[str] = []
        node = _descend(self._root, path[1:].split("/"), 0, values)
        return (node.routes, tuple(values)) if node is not None else None

    def _add(self, item: R) -> None:
        node, names = self._root, []
        for segment in item.path[1:].split("/"):
            if segment.startswith("{"):
                name, ending = segment[1:].split("}")
                names.append(name)
                below = node.endings.setdefault(ending, _Node())
                node.endings = dict(sorted(node.endings.items(), key=lambda one: -len(one[0])))
                node = below
            else:
                node = node.literal.setdefault(segment, _Node())
        if item.method in node.routes:
            raise ValueError(f"{item.method} {item.path} is declared twice")
        node.routes[item.method] = (item, tuple(names))
        self.routes.append(item)


def _descend(node: _Node[R], segments: list[str], depth: int, values: list[str]) -> _Node[R] | None:
    if depth == len(segments):
        return node if node.routes else None
    segment = segments[depth]
    below = node.literal.get(segment)
    if below is not None:
        found = _descend(below, segments, depth + 1, values)
        if found is not None:
            return found
    for ending, after in node.endings.items():
        value = segment.removesuffix(ending)
        if not value or value + ending != segment:
            continue
        values.append(value)
        found = _descend(after, segments, depth + 1, values)
        if found is not None:
            return found
        values.pop()
    return None
