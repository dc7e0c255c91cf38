"""docs/credentials.md, made from the table of states and the table of messages."""

from __future__ import annotations

import io

import msgspec
from rich.console import Console

from pushwarden.cli.report import conclusion, rows_of
from pushwarden.core.check import Check
from pushwarden.core.health import REASONS, TABLE, WORDS, Event, Health
from pushwarden.core.messages import SECTIONS
from pushwarden.core.slots import TABLE as STEPS
from pushwarden.core.slots import Step
from pushwarden.providers.apns.facts import FACTS

HEAD = """# Credentials: which file, how they stand, and what is said of them

Made from [core/health.py](../src/pushwarden/core/health.py), [core/slots.py](../src/pushwarden/core/slots.py) and
[core/messages](../src/pushwarden/core/messages) by [tests/credential_page.py](../tests/credential_page.py)
(`python -m tests.pages`); change it there.

"""
FILES = """## Which file, and where it comes from

Nobody is asked what a file is: it is known by its content, also pasted, quoted, as base64, or with its line breaks
lost. The usual wrong files are named, each with what to do instead.

| to send to | the file | where it comes from |
|---|---|---|
"""
SOURCES = (
    (
        "iPhone, iPad, Mac, Watch",
        "a key, `AuthKey_….p8`",
        "developer.apple.com → Certificates, Identifiers & Profiles → Keys → + → Apple Push Notifications service "
        "(APNs). It is downloaded once. Its ID stands in the file's name, the team ID under Membership details. A key "
        "serves every app of the team, or those it is limited to, and does not expire",
    ),
    (
        "the same, one app",
        "a certificate made here",
        "`pushwarden credentials request APP` makes the request and keeps its key sealed. Apple → Certificates → + → "
        "Apple Push Notification service SSL (Sandbox & Production) takes it and gives a `.cer`; "
        "`pushwarden credentials answer APP FILE` takes that back. No Mac is needed. It ends after a year",
    ),
    (
        "the same, one app",
        "a certificate from a Mac, `.p12`, or `.pem` with the key",
        "Keychain Access → My Certificates → Apple Push Services: … → Export. Old Keychains close it with RC2-40 and "
        "3DES; it opens all the same",
    ),
    (
        "Android",
        "a service account's key, `.json`",
        "console.firebase.google.com → Project settings → Service accounts → Generate new private key",
    ),
    (
        "Windows (looked at, not sent with yet)",
        "tenant ID, client ID and client secret, as JSON or as lines `name=value`",
        "entra.microsoft.com → App registrations → Certificates & secrets, which shows a secret's value once",
    ),
    (
        "an Azure hub (looked at, not sent with yet)",
        "a connection string with the right to send",
        "portal.azure.com → Notification Hub → Access Policies",
    ),
)
LOOK = """
### A look at a file, without a server

`pushwarden credentials check FILE` says all that can be known without asking the provider. It exits 0 when the file can
be used, 1 when not, 2 on wrong usage; `--json` gives the same as data. `-` reads a pasted key from standard input. The
password of a `.p12` is asked for on a terminal; a script gives it with `--password-stdin`. The file is read by the same
limited child process that reads uploads.

```
{example}
```

A check comes to one of five results: ✓ passed, ▲ warning (it works, and should be looked at), ✕ failed (it cannot be
used), – skipped, ◇ not provable yet (only the provider can say). An upload answers the same checks, and then a sender
asks the provider. `POST …/credentials` takes the file as multipart or JSON, with these fields where they are known:
`password`, `file_name`, `key_id`, `team_id`, `bundle_id`, `serial` (which certificate of several), `push_types` (that
the app uses), `project_id`, `modified_at`, `hub`. A refused file is a problem `unusable_credential` with all `checks`
and `facts`; where a `.p12` holds several certificates, `facts.choices` lists them.

"""
EXAMPLE = (
    Check.of("file.recognised", what="a certificate with its key (.p12)"),
    Check.of("p12.opened"),
    Check.of("p12.legacy", encryption="RC2-40, 3DES"),
    Check.of("p12.pair"),
    Check.of("cert.push", "Apple Development IOS Push Services: com.acme.shop"),
    Check.of("cert.expires", n=23, date="14 Dec 2026", weekday="Monday"),
    Check.of("cert.sandbox_only"),
    Check.of("cert.bundle", "com.acme.shop"),
)
STATES = """## How a credential stands

In `GET /v1/credentials` and every view of a credential, in `pushwarden credentials health`, and as the metric
`pushwarden_credential_state`.

| | `state` | meaning | sends? |
|---|---|---|---|
"""
LEADS = """
### What leads from one to another

Kept is what answers said; that a credential is in use, ends, is off or destroyed is derived whenever it is read. What
is not named leaves the state as it is: an outage of the provider changes nothing, nothing leads out of `retired`.

A sender judges the answers of ten minutes against the hour before by a sequential test
([refusals.py](../src/pushwarden/dataplane/feedback/refusals.py)): three refusals in a row are `doubted`; five more
refusals than other answers, or nothing else for fifteen seconds, `refused`. Both are over when good answers came and no
refusal for a minute, or when a proof passed. Meanwhile the lanes of that credential alone wait; one push tries after
15 s, doubling to 5 min.

| event | leads from → to | reason |
|---|---|---|
"""
VERSIONS = """
## Which one sends

Credentials of an app, environment and provider stand in slots: the main one, and one for each push type with a topic of
its own: {slots}.
A push goes by the one that is active in its own slot, else by the main one if that covers its topic: a key covers all,
a certificate what it names. `--slot voip` at activation uses a universal certificate for calls alone.

| step | from → to | by |
|---|---|---|
"""
BY = {
    Step.ACTIVATE: "`credentials activate`, `POST …/{id}/activate`; `--dry-run` tells beforehand what it means",
    Step.SWITCH_BACK: "`credentials switch-back`, `POST …/{id}/switch-back`, within a week",
    Step.REPLACE: "another that becomes active in the slot",
    Step.RETIRE: "chores, a week after it was replaced: its material is destroyed, what is known of it stays",
}
CANARY = """
To try one on standby, send by it to devices marked `test`, and to nobody else:
`pushwarden send APP --user USER --title Trial --credential ID --wait`. `credentials disable` lets the pushes of one
wait until `credentials enable`, or until they expire.
"""
MESSAGES = """
## Every message

Ids are stable. `{…}` is filled in; `[…]` is left out when it is not known.
"""


def credentials() -> str:
    """The page."""
    rows = [
        f"| {words.shape} {words.word} | `{health}` | {words.meaning} | {words.sends} |"
        for health, words in WORDS.items()
    ]
    events = [f"| `{event}` | {_led(event)} | {_because(event)} |" for event in Event]
    sources = [f"| {' | '.join(source)} |" for source in SOURCES]
    files = FILES + "\n".join([*sources, ""]) + LOOK.replace("{example}", _example())
    states = STATES + "\n".join([*rows, ""]) + LEADS + "\n".join([*events, ""])
    return HEAD + files + states + _versions() + MESSAGES + "".join(_section(name) for name in SECTIONS)


def _versions() -> str:
    steps = [f"| `{step}` | {before} → **{after}** | {BY[step]} |" for step, (before, after) in STEPS.items()]
    named = ", ".join(f"`{slot}`" for slot in FACTS.slots)
    return VERSIONS.format(slots=named) + "\n".join([*steps, ""]) + CANARY


def _example() -> str:
    """A report as a terminal shows it."""
    checks = msgspec.to_builtins(EXAMPLE)
    shown = io.StringIO()
    page = Console(file=shown, width=110)
    page.print(rows_of(checks))
    page.print(f"\n{conclusion(checks)}", markup=False)
    lines = [line.rstrip() for line in shown.getvalue().splitlines()]
    return "\n".join(["$ pushwarden credentials check push.p12 --bundle-id com.acme.shop --env production", *lines])


def _led(event: Event) -> str:
    """From where it leads where; states with the same end together."""
    ends: dict[Health, list[str]] = {}
    for health, row in TABLE.items():
        if row.get(event, health) is not health:
            ends.setdefault(row[event], []).append(health)
    return "<br>".join(f"{', '.join(begins)} → **{end}**" for end, begins in ends.items()) or "nowhere"


def _because(event: Event) -> str:
    return f"`{REASONS[event]}`, or the one it brings" if event in REASONS else "–"


def _section(name: str) -> str:
    rows = [
        f"| `{id}` | {words.result} | **{_cell(words.title)}** {_cell(words.text)} | {_cell(words.next)} |"
        for id, words in SECTIONS[name].items()
    ]
    return f"\n### {name}\n\n| id | result | it says | next |\n|---|---|---|---|\n" + "\n".join([*rows, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;") or "–"
