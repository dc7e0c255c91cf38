"""Pages as a table: each names the permission it needs, as the API's routes do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pushwarden.control.console.visit import Again, Page, Redirect, Stream, Visit
from pushwarden.core.principal import Permission
from pushwarden.web.call import Answer
from pushwarden.web.routes import Within

Reply = Page | Redirect | Again | Stream | Answer
View = Callable[[Visit], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class PageRoute:
    """permission None: for everybody who is signed in. within: as in the API's table.

    signed_in False: the few pages before sign-in; their visitor is nobody. streams: the view reads the body itself,
    and the token against forgery stands in the header `x-csrf-token` or the query's `csrf`.
    """

    method: str
    path: str
    view: View
    permission: Permission | None
    within: Within = Within.PATH
    signed_in: bool = True
    streams: bool = False


def page(  # noqa: PLR0913 -- a row of a table
    method: str,
    path: str,
    view: View,
    permission: Permission | None,
    *,
    within: Within = Within.PATH,
    signed_in: bool = True,
    streams: bool = False,
) -> PageRoute:
    return PageRoute(method, path, view, permission, within, signed_in, streams)
