"""docs/credentials.md, made from the table of states and the table of messages."""

from __future__ import annotations

from pushwarden.core.health import REASONS, TABLE, WORDS, Event, Health
from pushwarden.core.messages import SECTIONS

HEAD = """# Credentials: how they stand, and what is said of them

Made from [core/health.py](../src/pushwarden/core/health.py) and [core/messages](../src/pushwarden/core/messages) by
`python -m tests.pages`; change it there.

"""
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
([refusals.py](../src/pushwarden/dataplane/feedback/refusals.py)): three refusals in a row are `doubted`, five more
refusals than other answers `refused`. Both are over when good answers came and no refusal for a minute, or when a proof
passed. Meanwhile the lanes of that credential alone wait; one push tries after 15 s, doubling to 5 min.

| event | leads from → to | reason |
|---|---|---|
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
    parts = [_section(name) for name in SECTIONS]
    return HEAD + STATES + "\n".join([*rows, ""]) + LEADS + "\n".join([*events, ""]) + MESSAGES + "".join(parts)


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
