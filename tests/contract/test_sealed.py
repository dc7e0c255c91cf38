"""What every catalog says of its sealed blobs, in memory, in a file and on a server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary

from catalog_fixtures import KINDS, opened
from pushwarden.adapters.tables_control import metadata
from pushwarden.core.app import App, Credential, CredentialKind, CredentialState
from pushwarden.core.callback import Callback, Event
from pushwarden.core.organisation import Organisation
from pushwarden.core.scope import Environment
from pushwarden.ports.catalog import Catalog, Tables
from pushwarden.ports.sealed import HEAD, Blob, Place
from pushwarden.wiring.sealed import FIRST, PLACES

OLD, NEW = b"pwv1-old-key", b"pwv1-new-key"
NOT_SEALED = {"digest", "body", "hash", "recovery", "public_key"}
"""Columns of bytes that are no secrets."""
OF_THE_CONSOLE = {"person.totp"}
"""Sealed with the console's own key, which the api holds to check a code; a rotation of the vault is not about it."""


def credential(organisation: str, number: int, sealed: bytes) -> Credential:
    return Credential(
        organisation, "shop", Environment.PRODUCTION, f"c{number}", "apns", CredentialKind.APNS_TOKEN,
        CredentialState.STANDBY, f"print{number}", sealed=sealed,
    )  # fmt: skip


CALLBACK = Callback("acme", "shop", "cb_1", "https://a.example", (Event.LANE_HELD,), sealed=NEW + b"1")
CREDENTIALS = [credential(organisation, number, OLD + b"%d" % number) for organisation in ("acme", "beta")
               for number in range(3)]  # fmt: skip


@pytest.fixture(params=KINDS)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    with opened(request.param, tmp_path) as found:
        asyncio.run(found.note(_fill))
        yield found


def _fill(tables: Tables) -> None:
    for organisation in ("acme", "beta"):
        tables.organisations.insert(Organisation(organisation, organisation))
        tables.apps.insert(App(organisation, "shop", "Shop"))
    for one in CREDENTIALS:
        tables.credentials.insert(one)
    tables.callbacks.insert(CALLBACK)


def page(
    catalog: Catalog, place: Place, head: bytes, after: tuple[str, str, str] = FIRST, limit: int = 9
) -> list[Blob]:
    return asyncio.run(catalog.read(lambda tables: tables.sealed.page(place, head, after, limit)))


def test_blobs_are_counted_by_the_key_they_are_sealed_to(catalog: Catalog) -> None:
    counts = asyncio.run(catalog.read(lambda tables: {place: dict(tables.sealed.counts(place)) for place in Place}))
    assert counts.pop(Place.CREDENTIAL) == {OLD: 6}
    assert counts.pop(Place.CALLBACK) == {NEW: 1}
    assert not any(counts.values()), "an empty column is no blob"


def test_pages_go_through_every_blob_once_with_the_label_it_opens_under(catalog: Catalog) -> None:
    first = page(catalog, Place.CREDENTIAL, OLD, limit=4)
    second = page(catalog, Place.CREDENTIAL, OLD, first[-1].row, 4)
    assert [(blob.row, blob.label, blob.sealed) for blob in first + second] == [
        ((one.organisation, one.app, one.id), one.label, one.sealed) for one in CREDENTIALS
    ]
    assert page(catalog, Place.CREDENTIAL, NEW) == []
    assert page(catalog, Place.CALLBACK, NEW)[0].label == CALLBACK.label
    assert all(len(head) == HEAD for head in (OLD, NEW))


def test_a_blob_is_replaced_only_where_it_still_stands(catalog: Catalog) -> None:
    blob = page(catalog, Place.CREDENTIAL, OLD)[1]
    moved = replace(CREDENTIALS[2], sealed=OLD + b" by another")

    def work(tables: Tables) -> list[bool]:
        tables.credentials.update(moved)
        third = Blob(Place.CREDENTIAL, *_row(CREDENTIALS[2]), CREDENTIALS[2].label, CREDENTIALS[2].sealed)
        return [tables.sealed.replace(one, NEW + b"anew") for one in (blob, blob, third)]

    assert asyncio.run(catalog.note(work)) == [True, False, False]
    found = asyncio.run(catalog.read(lambda tables: tables.credentials.get(*blob.row)))
    assert found == replace(CREDENTIALS[1], sealed=NEW + b"anew")
    assert asyncio.run(catalog.read(lambda tables: tables.credentials.get(*_row(moved)))) == moved


def test_every_column_that_holds_something_sealed_is_sealed_anew_by_a_rotation() -> None:
    columns = {
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary) and column.name not in NOT_SEALED
    }
    columns -= OF_THE_CONSOLE
    assert columns == {"credential.sealed", "credential_request.sealed", "callback.sealed", "callback.previous"}
    assert sorted(place for places in PLACES.values() for place in places) == sorted(Place)
    assert len(Place) == len(columns)


def _row(one: Credential) -> tuple[str, str, str]:
    return one.organisation, one.app, one.id
