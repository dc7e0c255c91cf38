"""Who may do what, written out by hand: what the access matrix expects. Nothing here is taken from the code."""

from __future__ import annotations

import re
from dataclasses import dataclass

PEOPLE = """
what                              viewer responder operator admin auditor | permissions
see everything except secrets     yes    yes       yes      yes   yes     | app:read credential:read credential:expiry
                                                                          | device:read push:read stop:read audit:read
                                                                          | people:read key:read system:read
stop                              -      yes       yes      yes   -       | stop:stop
send to test devices              -      yes       yes      yes   -       | push:test
resume, let a held lane go        -      -         yes      yes   -       | stop:resume hold:release
send to all                       -      -         yes      yes   -       | push:send
change what an app is             -      -         yes      yes   -       | app:write
credentials: add, switch, retire  -      -         yes      yes   -       | credential:write
devices: mark, import, forget     -      -         yes      yes   -       | device:write device:register
people, API keys, deleting        -      -         -        yes   -       | people:write key:write app:delete
export the audit                  -      -         -        yes   yes     | audit:export
make organisations                -      -         -        all   -       | organisation:write
"""
"""yes: within the place the role is bound to. all: only where it is bound to the whole installation."""

KEYS = """
what                              admin send read stop device feed | permissions
read                              yes   yes  yes  -    -      -    | app:read credential:read device:read push:read
when credentials end              yes   yes  yes  -    -      yes  | credential:expiry
stop                              yes   yes  -    yes  -      -    | stop:stop
what is stopped                   yes   yes  yes  yes  -      -    | stop:read
send                              yes   yes  -    -    -      -    | push:send push:test
devices: import, mark, forget     yes   yes  -    -    -      -    | device:write
register one installation         yes   yes  -    -    yes    -    | device:register
audit and system                  yes   -    yes  -    -      -    | audit:read audit:export system:read
everything else                   yes   -    -    -    -      -    | app:write app:delete credential:write
                                                                  | stop:resume hold:release people:read
                                                                  | people:write key:read key:write
make organisations                all   -    -    -    -      -    | organisation:write
"""

UNCHANGING = {
    "POST /v1/apps/{app}/{env}/pushes/preview": "says what a push would be; nothing is sent",
    "DELETE /v1/sessions/{session}": "ends one's own session; another's is for who may change people",
}
"""What a viewer, an auditor and a key of kind read may reach although its method is not GET."""

BRAKES = {
    "POST /v1/stop": "the stop",
    "POST /v1/apps/{app}/{env}/pushes/{id}/cancel": "a stop of one push",
}
"""What changes something and a responder or a key of kind stop may reach; with push:test, sending to test devices."""

OPEN = {
    "GET /healthz": "health",
    "GET /readyz": "health",
    "POST /v1/apps/{app}/{env}/signals": "a device proves itself by the nonce of the push it got",
}
"""API routes that answer a stranger."""

DOORSTEP = ("/signin", "/welcome", "/invitation", "/link", "/recover", "/stop-key")
"""How the addresses of pages begin that are there before anybody is signed in; one stops by an API key."""


@dataclass(frozen=True)
class Rule:
    """whole: only when granted for the whole installation."""

    whole: bool


def table(text: str) -> dict[tuple[str, str], Rule]:
    """(who, permission) → the rule; who may never is absent. ValueError when a row says a permission twice."""
    head, *rows = re.sub(r"\n +\|", "", text.strip()).splitlines()
    names = head.partition("|")[0].split()[1:]
    rules: dict[tuple[str, str], Rule] = {}
    seen: set[str] = set()
    for row in rows:
        left, _, permissions = row.partition("|")
        words = left.split()[-len(names) :]
        for permission in permissions.split():
            if permission in seen:
                raise ValueError(f"{permission} stands in two rows")
            seen.add(permission)
            for name, word in zip(names, words, strict=True):
                if word != "-":
                    rules[name, permission] = Rule(word == "all")
    return rules


ROLE_RULES, KEY_RULES = table(PEOPLE), table(KEYS)


def may(who: str, permission: str) -> Rule | None:
    """who: a role's name, or `key:` and a kind's."""
    return KEY_RULES.get((who[4:], permission)) if who.startswith("key:") else ROLE_RULES.get((who, permission))
