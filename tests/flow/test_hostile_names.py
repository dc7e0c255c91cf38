"""Names that are markup, formulas or addresses: text on every page, and text in every file."""

from __future__ import annotations

import base64
import csv
import io
import re
from html import unescape
from typing import Any

from people import SignedIn, signed_in
from product_fixtures import SLOW, ask, calm, device, send
from pushwarden.core.principal import Role
from pushwarden.core.scope import Scope
from pushwarden.wiring.stage import Stage

pytestmark = SLOW
__all__ = ["calm"]
MARK = "onerror=alert(1)"
EVIL = f"""x"'><img src=1 {MARK}><script>alert(1)</script><%=7*7%>"""
FORMULA = "=HYPERLINK(1)"
APP, BASE = "hostile", "/v1/apps/hostile/simulated"
HERE = "/apps/hostile/simulated"
ASKED = "%22%3E%3Cimg+src%3D1+onerror%3Dalert(1)%3E"
PAGES = (
    "/apps", "/deliveries", "/audit", "/access", "/access/keys", "/access/here?app=hostile&env=simulated",
    "/access/sessions", "/access/organisations", "/system", "/profile", "/bin",
    *(f"{HERE}/{tab}" for tab in ("overview", "credentials", "devices", "send", "activity", "history", "settings")),
    *(f"{path}?q={ASKED}" for path in ("/search", "/audit", "/deliveries", f"{HERE}/devices", f"{HERE}/activity")),
    f"/signin?next=%2F{ASKED}", f"/confirm?next=%2F{ASKED}", f"{HERE}/send?device={ASKED}",
)  # fmt: skip
FORMS = ("csv", "jsonl", 'x"\r\nSet-Cookie: a=b', "../../etc/passwd")


def prepared(stage: Stage) -> SignedIn:
    """Everything that has a name has a hostile one."""
    stage.make_app(APP)
    stage.call("PATCH", f"/v1/apps/{APP}", json={"version": stage.call("GET", f"/v1/apps/{APP}")["version"],
               "name": EVIL})  # fmt: skip
    device(stage, BASE, "phone-1", "ab" * 32, user=EVIL, test=True, app_version=EVIL[:30])
    fields = {"title": EVIL, "body": EVIL, "data": {"k": EVIL}}
    push = send(stage, BASE, {"device": "phone-1"}, "alert", **fields)
    stage.settled(BASE, push)
    for name in (EVIL, FORMULA):
        stage.call("POST", "/v1/keys", json={"name": name, "kind": "send", "app": APP})
    stage.call("POST", "/v1/stop", json={"app": APP, "reason": EVIL})
    bad = {"provider": "apns", "content": base64.b64encode(b"x").decode(), "file_name": EVIL}
    ask(stage, "POST", f"{BASE}/credentials", json=bad)
    person = signed_in(stage, Role.ADMIN, Scope("default"), name=EVIL)
    invited = {"email": "a'+<b>@x.example", "name": EVIL, "roles": [{"role": "viewer", "app": APP}]}
    ask(stage, "POST", "/v1/invitations", json=invited | {"email": "a'+b@x.example"})
    return person


def page(stage: Stage, person: SignedIn, path: str) -> Any:
    headers = {"cookie": person.cookie, "user-agent": EVIL}
    return stage.client.get(stage.url + path, headers=headers, follow_redirects=False)


def test_a_hostile_name_is_text_on_every_page_and_in_every_file(calm: Stage) -> None:
    person = prepared(calm)
    try:
        crawled(calm, person)
        for path in ("/deliveries/export", f"{HERE}/activity/export", "/audit/export"):
            for form in FORMS:
                exported(calm, person, path, form)
    finally:
        calm.call("POST", "/v1/resume", json={"app": APP})


def crawled(calm: Stage, person: SignedIn) -> None:
    seen, shown, waiting = set[str](), 0, list(PAGES)
    while waiting:
        path = waiting.pop()
        if path in seen or len(seen) > 120:
            continue
        seen.add(path)
        answer = page(calm, person, path)
        assert answer.status_code < 500, path
        kind = answer.headers.get("content-type", "")
        assert answer.headers.get("x-content-type-options") == "nosniff" or answer.status_code == 303, path
        if not kind.startswith("text/html"):
            judged(answer, kind, path)
            continue
        text = answer.text
        shown += "onerror" in text
        assert not re.search(r"<img[^>]*onerror", text), path
        assert "<script>" not in text, path
        assert not re.search(r'(?:href|src|action)="\s*(?:javascript|data):', text, re.I), path
        assert not re.search(r"<[a-z][^>]*\son[a-z]+=", re.sub(r'"[^"]*"', '""', text)), path
        links = (unescape(one) for one in re.findall(r'href="(/[^"#]*)"', text))
        waiting += [
            one for one in links if HERE in one or one.startswith(("/access", "/audit", "/deliveries", "/stop"))
        ]
    assert shown >= 15, "the names were there to be seen"
    assert len(seen) > 40


def judged(answer: Any, kind: str, path: str) -> None:
    """A file: never a page, never a formula, and its name is of one line."""
    assert not kind.startswith(("text/html", "image/svg")), path
    given = answer.headers.get("content-disposition", "")
    assert re.fullmatch(r'(attachment; filename="[A-Za-z0-9._-]+")?', given), (path, given)
    if "csv" in kind:
        for row in csv.reader(io.StringIO(answer.text)):
            assert not [cell for cell in row if cell.startswith(("=", "+", "@"))], path


def exported(stage: Stage, person: SignedIn, path: str, form: str) -> None:
    headers = {"cookie": person.cookie}
    answer = stage.client.get(stage.url + path, headers=headers, params={"format": form, "form": form})
    assert "set-cookie" not in answer.headers
    if answer.status_code == 200:
        judged(answer, answer.headers["content-type"], path)
