"""The console's ASGI application: session, permission, token against forgery, page."""

from __future__ import annotations

import hmac
import json
import re
import secrets
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

import structlog

from pushwarden.control.console import bar
from pushwarden.control.console.desk import Desk
from pushwarden.control.console.form import Form, read
from pushwarden.control.console.inside import Api
from pushwarden.control.console.pages import PageRoute, Reply
from pushwarden.control.console.render import Renderer
from pushwarden.control.console.static import Shelf
from pushwarden.control.console.visit import Again, Gate, Page, Redirect, Stream, Visit, Visitor
from pushwarden.core.errors import Forbidden, MethodNotAllowed, NotFound, ProofNeeded, PushwardenError
from pushwarden.core.principal import Principal
from pushwarden.core.scope import Environment, Scope
from pushwarden.web.body import ClientGone, RawHeaders, Receive, header
from pushwarden.web.call import Answer
from pushwarden.web.frame import LONGEST_PATH
from pushwarden.web.giving import Send, give
from pushwarden.web.routes import Router, admit

CONTENT_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_SAFE = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", CONTENT_POLICY),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
_APP = re.compile(r"/apps/(?P<app>[^/]+)/(?P<env>production|sandbox|simulated)/")
TOAST = "toast"
"""The cookie that carries one sentence to the page a form leads to."""
_log = structlog.get_logger("console")


class Console:
    """An ASGI application over a table of pages."""

    def __init__(self, desk: Desk, gate: Gate, pages: Sequence[PageRoute]) -> None:
        self.router = Router(pages)
        self._desk, self._gate, self._shelf = desk, gate, Shelf()
        self._renderer = Renderer(self._shelf, desk.clock)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["path"].startswith("/static/"):
            await give(send, self._shelf.answer(scope["path"], scope["headers"]), (), "")
            return
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)[:100])
        visit = self._visit(scope, receive, scope["path"], query)
        try:
            reply = await self._answer(scope["method"], visit)
            if isinstance(reply, Again):
                visit = self._visit(scope, receive, reply.path, dict(reply.query))
                reply = await self._answer("POST", visit, reply.form)
            answer = await self._reply(visit, reply)
        except PushwardenError as error:
            answer = await self._refused(visit, error)
        except ClientGone:
            return
        except Exception:
            _log.exception("unexpected", request_id=visit.request_id, path=visit.path)
            answer = await self._refused(visit, PushwardenError())
        await give(send, answer, _SAFE, visit.request_id)

    def _visit(self, scope: dict[str, Any], receive: Receive, path: str, query: dict[str, str]) -> Visit:
        """Who comes, and to where; nothing is decided yet."""
        now_ms, headers = self._desk.clock.now_ms(), scope["headers"]
        visitor = self._desk.sessions.visitor(headers, now_ms) or NOBODY
        request_id, address = f"c-{secrets.token_hex(6)}", (scope.get("client") or ("",))[0]
        return Visit(
            visitor=visitor,
            where=_place(visitor.organisation, path),
            path=path,
            params={},
            query=query,
            headers=headers,
            request_id=request_id,
            address=address,
            now_ms=now_ms,
            api=Api(self._desk.frame, visitor.principal, visitor.organisation, request_id, address),
            receive=receive,
        )

    async def _answer(self, method: str, visit: Visit, kept: Form | None = None) -> Reply:
        """kept: a form that was taken before, in place of the request's body."""
        route, visit.params = self._locate("GET" if method == "HEAD" else method, visit)
        if route.signed_in and visit.visitor is NOBODY:
            return await self._stranger(method, visit, route)
        if "env" in visit.params and visit.where.environment is None:
            raise NotFound("The environment is production, sandbox or simulated.")
        if route.permission is not None:
            admit(visit.principal, route.permission, route.within, visit.where)
        if visit.where.app and self._desk.snapshot().app(visit.where.organisation, visit.where.app) is None:
            raise NotFound("There is no such app here, or it is not yours.")
        if method == "POST":
            visit.form = kept or await self._form(visit, route)
        try:
            return await route.view(visit)
        except ProofNeeded:
            return await self._proof(method, visit)

    async def _stranger(self, method: str, visit: Visit, route: PageRoute) -> Reply:
        """To sign in; what was typed goes along when the session ended over the form."""
        if method == "POST" and not route.streams and _same_site(visit.headers):
            visit.form = await read(visit.headers, visit.receive)
            formerly = self._desk.sessions.formerly(visit.headers).encode()
            if formerly and hmac.compare_digest(_given(visit, visit.form), formerly):
                kept, visit.form = self._gate.keep(visit), Form()
                return await self._gate.signin(visit, kept, status=401)
        to = f"/signin?next={quote(_returning(visit, method), safe='')}"
        return Answer(headers=((b"hx-redirect", to.encode()),)) if visit.partial else Redirect(to)

    async def _proof(self, method: str, visit: Visit) -> Reply:
        """Asks once more who it is; a form is taken as it is as soon as that is clear."""
        if method != "POST":
            return Redirect(f"/confirm?next={quote(visit.here, safe='')}")
        kept = self._gate.keep(visit)
        return await self._gate.confirm(visit, kept)

    def _locate(self, method: str, visit: Visit) -> tuple[PageRoute, dict[str, str]]:
        found = self.router.find(visit.path) if len(visit.path) <= LONGEST_PATH else None
        if found is None:
            raise NotFound("There is no page at this address.")
        if method not in found[0]:
            raise MethodNotAllowed("This address takes no such form.", allowed=sorted(found[0]))
        route, names = found[0][method]
        return route, dict(zip(names, found[1], strict=True))

    async def _form(self, visit: Visit, route: PageRoute) -> Form:
        """Forbidden where another site, or a page of another session, sent it."""
        if not _same_site(visit.headers):
            raise Forbidden("This form came from another site; nothing was done.")
        form = Form() if route.streams else await read(visit.headers, visit.receive)
        if route.signed_in and not hmac.compare_digest(_given(visit, form), visit.visitor.csrf.encode()):
            raise Forbidden("This page is of an earlier session; load it again and send the form once more.")
        return form

    async def _reply(self, visit: Visit, reply: Reply) -> Answer:
        match reply:
            case Page():
                return await self._drawn(visit, reply)
            case Redirect():
                return Answer(status=303, headers=_onward(reply))
            case Stream():
                return Answer(stream=reply.events, content_type=b"text/event-stream")
            case Answer():
                return reply
            case Again():
                raise RuntimeError("a kept form led to another")

    async def _drawn(self, visit: Visit, page: Page) -> Answer:
        toast = _toast(visit)
        context = {**await bar.context(self._desk, visit), "toast": toast, **page.context}
        html = self._renderer.render(page.template, context)
        gone = ((b"set-cookie", f"{TOAST}=; Path=/; Max-Age=0".encode()),) if toast else ()
        return Answer(html.encode(), page.status, (*page.headers, *gone), b"text/html; charset=utf-8")

    async def _refused(self, visit: Visit, error: PushwardenError) -> Answer:
        context = {"error": error, "request_id": visit.request_id, "title": error.title()}
        return await self._drawn(visit, Page("frame/refused.html", context, error.status))


NOBODY = Visitor(Principal.nobody(), "", "", "")


def _place(organisation: str, path: str) -> Scope:
    """The app and environment an address names."""
    found = _APP.match(path + "/")
    return Scope(organisation, found["app"], Environment(found["env"])) if found else Scope(organisation)


def _returning(visit: Visit, method: str) -> str:
    """Where to go after sign-in: this page, or the one that held the form."""
    if method in ("GET", "HEAD"):
        return visit.here
    return re.sub(r"^https?://[^/]*", "", (header(visit.headers, b"referer") or b"/apps").decode("latin-1")) or "/apps"


def _given(visit: Visit, form: Form) -> bytes:
    """The token against forgery that came along."""
    return header(visit.headers, b"x-csrf-token") or (form.raw("csrf") or visit.query.get("csrf", "")).encode()


def _same_site(headers: RawHeaders) -> bool:
    fetched = header(headers, b"sec-fetch-site")
    if fetched is not None:
        return fetched in (b"same-origin", b"none")
    origin, host = header(headers, b"origin"), header(headers, b"host") or b""
    return origin is None or origin.split(b"//", 1)[-1] == host


def _onward(reply: Redirect) -> tuple[tuple[bytes, bytes], ...]:
    to = reply.to if reply.to.startswith("/") and not reply.to.startswith("//") else "/apps"
    headers = ((b"location", quote(to, safe="/?&=#%+:@,;~").encode()), *reply.headers)
    if not reply.toast:
        return headers
    said = quote(json.dumps([reply.toast, reply.undo]), safe="")
    return (*headers, (b"set-cookie", f"{TOAST}={said}; Path=/; Max-Age=60; HttpOnly; SameSite=Lax".encode()))


def _toast(visit: Visit) -> list[str] | None:
    """[sentence, undo address]."""
    for name, value in visit.headers:
        if name == b"cookie":
            for pair in value.decode("latin-1").split("; "):
                if pair.startswith(f"{TOAST}="):
                    return _read_toast(pair[len(TOAST) + 1 :])
    return None


def _read_toast(text: str) -> list[str] | None:
    try:
        said = json.loads(unquote(text))
    except ValueError:
        return None
    match said:
        case [str(sentence), str(undo)]:
            return [sentence, undo if undo.startswith("/") and not undo.startswith("//") else ""]
        case _:
            return None
