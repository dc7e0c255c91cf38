"""The hot statements walk the clustered key or an index: no sorting, no whole table. And what a row costs."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.devices_fixtures import CAROLS, SHOP, T0, device, entry, imported, made_sqlite, run, uuid_of

from pushwarden.adapters.sqlite import (
    device_census,
    device_import,
    device_invalidations,
    device_reads,
    device_search,
    device_writes,
)
from pushwarden.adapters.sqlite.device_import import STAGING
from pushwarden.adapters.sqlite.driver import open_database
from pushwarden.adapters.sqlite.migrate import migrate
from pushwarden.core.device_search import Way

PRIMARY = "SEARCH device USING PRIMARY KEY (audience=? AND seq>? AND seq<?)"
PLANS = {
    "DENSE": (device_reads.DENSE, 3, PRIMARY),
    "MEMBERS": (device_reads.MEMBERS, 3, PRIMARY),
    "PAGE": (device_reads.PAGE, 3, PRIMARY),
    "EXPORT": (device_reads.EXPORT, 3, "SEARCH device USING PRIMARY KEY (audience=? AND seq>?)"),
    "GET": (device_reads.GET, 2, "SEARCH device USING INDEX device_installation (audience=? AND installation=?)"),
    "EVICT": (device_writes._EVICT, 4, "SEARCH device USING INDEX device_token (audience=? AND token_end=?)"),
    "BURY": (device_writes._BURY, 6, "SEARCH device USING PRIMARY KEY (audience=? AND seq=?)"),
    "OLD": (device_writes._OLD, 2, "SEARCH device USING INDEX device_installation (audience=? AND installation=?)"),
    "REMOVE": (
        device_writes._REMOVE, 2,
        "SEARCH device USING COVERING INDEX device_installation (audience=? AND installation=?)",
    ),
    "RETAIN": (device_writes._RETAIN, 3, "SEARCH device USING COVERING INDEX device_gone (audience=? AND gone_at<?)"),
    "EXHUME": (device_writes._EXHUME, 4, "SEARCH device USING INDEX device_gone (audience=? AND gone_at>?)"),
    "FIND_USERS": (device_reads.FIND_USERS, 2, "SEARCH device USING INDEX device_person (audience=? AND person=?)"),
    "FIND_EACH": (device_reads.FIND_EACH, 5, "SEARCH device USING INDEX device_person (audience=? AND person=?)"),
    "SEARCH_ALL": (
        device_search.statement(Way.ALL, "true"), 4, "SEARCH device USING PRIMARY KEY (audience=? AND seq<?)",
    ),
    "SEARCH_TEST": (
        device_search.statement(Way.TEST, "true"), 4, "SEARCH device USING INDEX device_test (audience=? AND seq<?)",
    ),
    "SEARCH_USER": (
        device_search.statement(Way.USER, "true"), 5,
        "SEARCH device USING INDEX device_person (audience=? AND person=? AND seq<?)",
    ),
    "SEARCH_GONE": (
        device_search.statement(Way.GONE, "true"), 5,
        "SEARCH device USING INDEX device_gone (audience=? AND (gone_at,seq)<(?,?))",
    ),
    "SEARCH_TOKEN": (
        device_search.statement(Way.TOKEN, "true"), 5,
        "SEARCH device USING INDEX device_token (audience=? AND token_end=?)",
    ),
    "SEARCH_INSTALLATION": (
        device_search.statement(Way.INSTALLATION, "true"), 4,
        "SEARCH device USING INDEX device_installation (audience=? AND installation=?)",
    ),
    "SEARCHED": (
        device_search.last_looked_at(Way.ALL), 3, "SEARCH device USING PRIMARY KEY (audience=? AND seq<?)",
    ),
    "MARK": (
        device_search.MARK, 3, "SEARCH device USING INDEX device_installation (audience=? AND installation=?)",
    ),
    "CLEAR": (device_search.CLEAR, 4, "SEARCH device USING INDEX device_gone (audience=? AND gone_at<?)"),
    "COUNT_GONE": (device_search.COUNT_GONE, 3, "SEARCH device USING INDEX device_gone (audience=? AND gone_at<?)"),
    "SLICE": (
        device_census.SLICE, 4, PRIMARY,
    ),
    "SAID": (device_census.SAID, 2, "SEARCH invalidation USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
    "LAST": (device_invalidations.LAST, 5, "SEARCH invalidation USING INDEX invalidation_token (token=?)"),
    "LISTED": (
        device_invalidations.LISTED, 5,
        "SEARCH invalidation USING INDEX invalidation_place (organisation=? AND app=? AND number>?)",
    ),
    "NUMBER_BEFORE": (
        device_invalidations.NUMBER_BEFORE, 1, "SEARCH invalidation USING COVERING INDEX invalidation_at (at>?)",
    ),
    "FORGET": (device_invalidations.FORGET, 2, "SEARCH invalidation USING COVERING INDEX invalidation_at (at<?)"),
    "NAMES": (device_invalidations.NAMES, 2, "SEARCH device USING PRIMARY KEY (audience=? AND seq=?)"),
    "FIND": (
        device_import._FIND, 1,
        "SEARCH device USING COVERING INDEX device_installation (audience=? AND installation=?)",
    ),
    "MOVED_TO_NEW": (
        device_import._MOVED_TO_NEW, 1, "SEARCH d USING INDEX device_token (audience=? AND token_end=?)",
    ),
    "MOVED_TO_KNOWN": (
        device_import._MOVED_TO_KNOWN, 1, "SEARCH d USING INDEX device_token (audience=? AND token_end=?)",
    ),
    "COMPARE": (device_import._COMPARE, 1, "SEARCH d USING PRIMARY KEY (audience=? AND seq=?)"),
    "UPDATE": (device_import._UPDATE, 1, "SCAN changed"),
    "UPDATE_KEYS": (device_import._UPDATE_KEYS, 1, "SEARCH device USING PRIMARY KEY (audience=? AND seq=?)"),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANS)
def test_no_hot_statement_sorts_or_reads_more_than_it_must(name: str, tmp_path: Path) -> None:
    sql, count, step = PLANS[name]
    migrate({"devices": tmp_path / "devices.db"})
    connection = open_database(tmp_path / "devices.db")
    try:
        connection.executescript(STAGING)
        plan = [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + sql, (1,) * count)]
    finally:
        connection.close()
    assert step in plan
    # The seqs of several users must be merged; groups are gathered of a slice's rows.
    sorts = "AUTOMATIC" if name in ("FIND_USERS", "SLICE", "SAID") else "TEMP B-TREE"
    assert not [line for line in plan if sorts in line or line.startswith(("SCAN device", "SCAN d"))]


def test_a_device_takes_less_than_400_bytes_with_all_its_indexes(tmp_path: Path) -> None:
    count = 20_000

    async def scene() -> None:
        lines = [
            entry(uuid_of(n), uuid_of(-n).replace("-", "") * 2, user=f"user-{n}", build="512", tags=("ios", "beta"))
            for n in range(1, count + 1)
        ]
        store = made_sqlite(tmp_path)
        assert (await imported(store, SHOP, lines)).created == count
        store.close()

    run(scene())
    assert (tmp_path / "devices.db").stat().st_size / count < 400


def test_an_open_reader_sees_what_was_registered_since(tmp_path: Path) -> None:
    async def scene() -> None:
        api = made_sqlite(tmp_path)
        sender = made_sqlite(tmp_path)
        await api.register(SHOP, [device("a")], T0)
        assert list(await sender.members(1, 0, 10)) == [0]
        await api.remove(SHOP, "a")
        assert list(await sender.members(1, 0, 10)) == []
        assert await sender.get(CAROLS, "a") == []
        api.close()
        sender.close()

    run(scene())
