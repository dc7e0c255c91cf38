"""Pages made from the code. `python -m tests.pages` writes them anew; tests/unit/test_pages.py holds them to it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from pushwarden.core import errors
from pushwarden.core.errors import PushwardenError
from pushwarden.providers.apns import verdicts as apns
from pushwarden.providers.fcm import verdicts as fcm
from pushwarden.providers.verdicts import page, section
from pushwarden.settings import Settings
from tests.credential_page import credentials
from tests.fault.matrix import FAULTS, Fault

DOCS = Path(__file__).resolve().parent.parent / "docs"
MARK = re.compile(r"(<!-- settings -->\n).*?(<!-- end -->)", re.S)


def problems() -> str:
    """docs/errors.md: every refusal the API can give."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PushwardenError)]
    rows = [
        f"| {kind.status} | `{kind.code}` | {kind.title()} | {kind.advice()} |"
        for kind in sorted(kinds, key=lambda kind: (kind.status, kind.code))
    ]
    head = (
        "# Every refusal, and what to do\n\n"
        "Made from [core/errors.py](../src/pushwarden/core/errors.py) by `python -m tests.pages`; change it there.\n\n"
        "A refusal is a problem (RFC 9457, `application/problem+json`): `code` is stable and meant for programs,\n"
        "`detail` is one sentence for people, `field` names the field at fault where there is one, and `request_id`\n"
        "stands in the audit. After a refusal nothing was accepted. What the providers' refusals mean is in\n"
        "[verdicts.md](verdicts.md).\n\n"
        "| status | code | it says | what to do |\n|---|---|---|---|\n"
    )
    return head + "\n".join(rows) + "\n"


def settings() -> str:
    """The table of settings in docs/operations.md."""
    rows = ["| variable | by itself | what |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "–" if str(field.default) in ("", "None") else f"`{field.default}`"
        rows.append(f"| `PUSHWARDEN_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows) + "\n"


def operations() -> str:
    """docs/operations.md with its table of settings as the code has it."""
    text = (DOCS / "operations.md").read_text()
    return MARK.sub(lambda found: found[1] + settings() + found[2], text)


def verdicts() -> str:
    """docs/verdicts.md: every provider's table."""
    parts = [("Apple (APNs)", "apns", apns.VERDICTS, apns.NOTES), ("Google (FCM)", "fcm", fcm.VERDICTS, fcm.NOTES)]
    return page([section(*part) for part in parts])


def faults() -> str:
    """docs/faults.md: the matrix, each row with its scripts and its proofs."""
    where = {name: path.relative_to(DOCS.parent) for path, name in _tests()}
    head = (
        "# Faults: what is played, what a user sees, what is lost\n\n"
        "Made from [tests/fault/matrix.py](../tests/fault/matrix.py) by `python -m tests.pages`; change it there.\n\n"
        "A script is what the shipped simulators play ([simulators.md](simulators.md)); you can play it against your\n"
        "own sender. [tests/fault/test_matrix.py](../tests/fault/test_matrix.py) plays every script on the providers\n"
        "named, the other proofs are linked. The judge is the simulator's own frame log, never our counters. A seeded\n"
        "sample of the heavy ones runs in `./dev test`, the full counts in `./dev soak`.\n\n"
        "| | fault | played by | what a user sees | what is lost | proofs |\n|---|---|---|---|---|---|\n"
    )
    rows = [
        f"| {one.number} | {one.what} | {_played(one)} | {one.sees} | {one.lost} | {_proofs(one, where)} |"
        for one in FAULTS
    ]
    return head + "\n".join(rows) + "\n"


def _tests() -> Iterator[tuple[Path, str]]:
    for path in sorted((DOCS.parent / "tests").rglob("test_*.py")):
        for name in re.findall(r"^(?:async )?def (test_\w+)\(", path.read_text(), re.M):
            yield path, name


def _played(one: Fault) -> str:
    scripts = [
        f"`{json.dumps([*rules])}`" + (f" ({'FCM' if fcm else 'APNs'})" if script.fcm else "")
        for script in one.scripts
        for fcm, rules in enumerate(filter(None, (script.rules, script.fcm)))
    ]
    return "<br>".join(filter(None, [one.played, *scripts]))


def _proofs(one: Fault, where: dict[str, Path]) -> str:
    played = ["the matrix: " + ", ".join(sorted({name for script in one.scripts for name in script.providers}))]
    return "<br>".join([*(played if one.scripts else []), *(f"[`{name}`](../{where[name]})" for name in one.proofs)])


PAGES = {
    "credentials.md": credentials,
    "errors.md": problems,
    "faults.md": faults,
    "operations.md": operations,
    "verdicts.md": verdicts,
}

if __name__ == "__main__":
    for name, made in PAGES.items():
        (DOCS / name).write_text(made())
