"""docs/access.md says what the code grants."""

from __future__ import annotations

from pathlib import Path

from pushwarden.core.principal import GRANTS, ROLES, KeyKind, Permission, Role

PAGE = Path(__file__).parents[2] / "docs" / "access.md"


def tables() -> list[list[list[str]]]:
    """Every table of the page: its rows, its head first."""
    blocks = [block.splitlines() for block in PAGE.read_text().split("\n\n") if block.startswith("| permission")]
    return [[[cell.strip() for cell in line.split("|")[1:-1]] for line in block] for block in blocks]


def held(rows: list[list[str]]) -> dict[str, list[str]]:
    return {row[0].strip("`"): row[1:] for row in rows[2:]}


def test_the_table_of_keys_is_the_one_that_decides() -> None:
    rows = tables()[0]
    assert rows[0][1:] == [kind.value for kind in KeyKind]
    table = held(rows)
    assert table.pop("organisation:write")[0] == "installation-wide only"
    assert table == {
        permission.value: ["yes" if permission in GRANTS[kind] else "" for kind in KeyKind]
        for permission in Permission
        if permission is not Permission.ORGANISATION_WRITE
    }


def test_the_table_of_roles_is_the_one_that_decides() -> None:
    rows = tables()[1]
    assert rows[0][1:] == [role.value for role in Role]
    table = held(rows)
    assert table.pop("organisation:write")[list(Role).index(Role.ADMIN)] == "installation-wide only"
    assert table == {
        permission.value: ["yes" if permission in ROLES[role] else "" for role in Role]
        for permission in Permission
        if permission is not Permission.ORGANISATION_WRITE
    }
