"""What every device store does with reports of imports: kept as they were, bounded, removed, gone with the app."""

from __future__ import annotations

from typing import Any

from devices_fixtures import CAROLS, SHOP, T0, Store, run, store
from pushwarden.core.import_report import KEPT, Import, ImportState
from pushwarden.core.scope import Scope

__all__ = ["store"]
ERRORS = [{"line": n, "code": "invalid", "message": f"Zeile {n}: “=1+1” 📵"} for n in range(10_000)]


def report(name: str, where: Scope = SHOP, at: int = T0, **fields: Any) -> Import:
    return Import(name, where, "Dana K.", at, dry_run=False, **fields)


def test_a_report_comes_back_as_it_was_kept_last(store: Store) -> None:
    async def scene() -> None:
        await store.keep_import(report("watched_1"))
        told = {"lines": 20_000, "created": 7, "refused": 12_000, "errors": ERRORS, "errors_omitted": 2_000}
        last = report("watched_1", size=9, read=8, state=ImportState.FAILED, ended_at=T0 + 5, report=told, problem="p")
        await store.keep_import(last)
        assert await store.kept_import(SHOP, "watched_1") == last
        (listed,) = await store.kept_imports(SHOP)
        assert (listed.report["refused"], listed.errors, listed.problem) == (12_000, [], "p")

    run(scene())


def test_the_newest_of_an_environment_stay_and_others_are_not_touched(store: Store) -> None:
    async def scene() -> None:
        await store.keep_import(report("carols_one", CAROLS))
        for n in range(KEPT + 5):
            await store.keep_import(report(f"number_{n:02}"))
        names = [one.id for one in await store.kept_imports(SHOP)]
        assert names == [f"number_{n:02}" for n in reversed(range(5, KEPT + 5))]
        assert [one.id for one in await store.kept_imports(CAROLS)] == ["carols_one"]
        assert await store.kept_import(SHOP, "carols_one") is None
        assert await store.drop_import(SHOP, "carols_one") is False

    run(scene())


def test_a_report_is_removed_by_hand_by_age_and_with_the_apps_devices(store: Store) -> None:
    async def scene() -> None:
        for n, name in enumerate(("old_report", "new_report", "by_hand_1")):
            await store.keep_import(report(name, at=T0 + n))
        await store.keep_import(report("carols_one", CAROLS, T0 + 9))
        assert (await store.drop_import(SHOP, "by_hand_1"), await store.drop_import(SHOP, "by_hand_1")) == (True, False)
        assert await store.forget_imports(T0 + 1) == 1
        assert [one.id for one in await store.kept_imports(SHOP)] == ["new_report"]
        await store.empty(SHOP)
        assert await store.kept_imports(SHOP) == []
        assert [one.id for one in await store.kept_imports(CAROLS)] == ["carols_one"]

    run(scene())
