"""Pages made from the code. `python -m tests.pages` writes them anew; tests/unit/test_pages.py holds them to it."""

from __future__ import annotations

import re
from pathlib import Path

from pushwarden.core import errors
from pushwarden.core.errors import PushwardenError
from pushwarden.providers.apns import verdicts as apns
from pushwarden.providers.verdicts import page, section
from pushwarden.settings import Settings

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
        default = "–" if field.default in ("", None) else f"`{field.default}`"
        rows.append(f"| `PUSHWARDEN_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows) + "\n"


def operations() -> str:
    """docs/operations.md with its table of settings as the code has it."""
    text = (DOCS / "operations.md").read_text()
    return MARK.sub(lambda found: found[1] + settings() + found[2], text)


def verdicts() -> str:
    """docs/verdicts.md: every provider's table."""
    return page([section("Apple (APNs)", "apns", apns.VERDICTS, apns.NOTES)])


PAGES = {"errors.md": problems, "operations.md": operations, "verdicts.md": verdicts}

if __name__ == "__main__":
    for name, made in PAGES.items():
        (DOCS / name).write_text(made())
