"""docs/access.md says what the code grants."""

from __future__ import annotations

from pathlib import Path

from pushwarden.core.principal import GRANTS, KeyKind, Permission

PAGE = Path(__file__).parents[2] / "docs" / "access.md"


def test_the_table_of_permissions_is_the_one_that_decides() -> None:
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in PAGE.read_text().splitlines() if "|" in line]
    table = {row[0].strip("`"): row[1:] for row in rows[2:]}
    assert rows[0][1:] == [kind.value for kind in KeyKind]
    assert table.pop("organisation:write")[0] == "installation-wide only"
    assert table == {
        permission.value: ["yes" if permission in GRANTS[kind] else "" for kind in KeyKind]
        for permission in Permission
        if permission is not Permission.ORGANISATION_WRITE
    }
