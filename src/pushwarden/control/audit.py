"""The audit read back as files, and checked link by link."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

from pushwarden.core.chain import Anchor, Verdict, reaching, verify
from pushwarden.ports.audit import AuditRow
from pushwarden.ports.catalog import Catalog, Tables
from pushwarden.web import sheet

PAGE = 500
COLUMNS = (
    "sequence", "at", "actor", "action", "scope", "target", "outcome", "reason", "request_id", "address", "before",
    "after", "hash",
)  # fmt: skip


def readable(row: AuditRow) -> dict[str, Any]:
    """The entry with its place in the chain."""
    said: dict[str, Any] = json.loads(row.body)
    return said | {"hash": row.hash.hex()}


async def pages(catalog: Catalog, organisation: str) -> AsyncIterator[list[AuditRow]]:
    """The whole chain, oldest first; a row that is added meanwhile may or may not be in it."""
    after = 0
    while True:
        page = await catalog.browse(partial(_following, organisation, after))
        if page:
            yield page
        if len(page) < PAGE:
            return
        after = page[-1].sequence


async def verified(catalog: Catalog, organisation: str, anchors: Sequence[Anchor] = ()) -> Verdict:
    """Follows the chain to its end or to the first row that breaks it, past every anchor."""
    verdict = verify(organisation, ())
    async for page in pages(catalog, organisation):
        start = (verdict.entries, bytes.fromhex(verdict.head))
        verdict = verify(
            organisation, [(row.sequence, row.body, row.hash) for row in page], start=start, anchors=anchors
        )
        if not verdict.intact:
            return verdict
    return reaching(verdict, anchors)


async def as_jsonl(parts: AsyncIterator[list[AuditRow]]) -> AsyncIterator[bytes]:
    """One entry a line: `body` is what the hash is of, byte for byte, so that a whole file can be verified offline."""
    async for page in parts:
        lines = ({"sequence": row.sequence, "hash": row.hash.hex(), "body": row.body.decode()} for row in page)
        yield "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()


async def as_csv(parts: AsyncIterator[list[AuditRow]]) -> AsyncIterator[bytes]:
    """For spreadsheets: a cell that would be a formula there is prefixed by an apostrophe."""
    yield sheet.lines([COLUMNS])
    async for page in parts:
        yield sheet.lines([[said.get(name) for name in COLUMNS] for said in map(readable, page)])


async def nothing() -> AsyncIterator[list[AuditRow]]:
    """No entries."""
    return
    yield []


def verified_file(organisation: str, lines: list[str], anchors: Sequence[Anchor] = ()) -> Verdict:
    """An exported JSONL file, without any database."""
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            said = json.loads(line)
            rows.append((int(said["sequence"]), str(said["body"]).encode(), bytes.fromhex(said["hash"])))
        except (ValueError, KeyError, TypeError):
            return Verdict(organisation, number - 1, "", number, "the line cannot be read")
    return reaching(verify(organisation, rows, anchors=anchors), anchors)


def _following(organisation: str, after: int, tables: Tables) -> list[AuditRow]:
    return tables.audit.after(organisation, after, PAGE)
