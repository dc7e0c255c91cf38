"""What somebody comes by who runs code of his own inside the api process: nothing that opens a sealed credential."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

import markers
from product_fixtures import SLOW, ended, fleet, pid_of, send
from pushwarden.adapters.vault.keys import CALLBACKS, VAULT, pem_of
from pushwarden.settings import Settings
from pushwarden.wiring.keyholders import API, ask
from pushwarden.wiring.stage import Stage, temporary

pytestmark = SLOW
ROLE = Path(__file__).parents[1] / "role_inside.py"


class InsideStage(Stage):
    """Serves with an api that looks around when it is asked to."""

    def _start(self, command: list[str], environ: Mapping[str, str]) -> Any:
        return super()._start([sys.executable, str(ROLE)] if "serve" in command else command, environ)


def report(stage: Stage, paths: list[Path]) -> dict[str, Any]:
    settings = Settings.model_validate({"data": stage.data})
    pids = [pid_of(stage, role) for role in ("sender-urgent", "sender-normal", "sender-bulk-0", "chores")]
    supervisor = int((stage.data / "lock").read_text())
    asks = {
        "paths": [str(path) for path in paths],
        "pids": [supervisor, *pids],
        "memory": str(stage.folder / "memory"),
        "folder": str(stage.data / "keys" / "private"),
    }
    said = asyncio.run(ask(settings, API, asks))
    assert said is not None
    return said


def elsewhere(folder: Path) -> tuple[dict[str, str], dict[str, bytes], list[Path]]:
    """Keys in a file and in a variable: what the house is started with, the keys by name, where they lie."""
    keys = {pair.name: pem_of(X25519PrivateKey.generate()) for pair in (VAULT, CALLBACKS)}
    path = folder / "alone" / "vault.pem"
    path.parent.mkdir()
    path.write_bytes(keys["vault"])
    return {f"{VAULT.variable}_FILE": str(path), CALLBACKS.variable: keys["callbacks"].decode()}, keys, [path]


@pytest.mark.parametrize("how", ["its own files", "a file and a variable"])
def test_code_in_the_api_process_finds_no_private_key(how: str) -> None:
    with temporary("pwin-") as folder:
        environ, keys, paths = ({}, {}, []) if how == "its own files" else elsewhere(folder)
        with InsideStage(folder / "stage", {"PUSHWARDEN_BULK_SENDERS": "1", **environ}, "full") as stage:
            base = stage.make_app("shop")
            fleet(stage, base, 20)
            assert ended(stage.settled(base, send(stage, base, {"all": True}))) == {"accepted": 20}
            own = [pair.file(stage.data / "keys") for pair in (VAULT, CALLBACKS)]
            if not keys:
                keys, paths = {path.stem: path.read_bytes() for path in own}, own
            said = report(stage, [*paths, *own])
            memory = (stage.folder / "memory").read_bytes()
    planted = [markers.private_key(name, pem) for name, pem in keys.items()]
    assert said["private_keys"] == 0
    assert said["read"] == [], "no file with a private key can be read"
    assert said["looked_into"] == [], "no other process can be looked into"
    assert said["uncovered"] is False
    assert said["dumpable"] == 0
    assert [name for name in said["variables"] if "_KEY" in name] == []
    assert len(memory) > 1 << 20
    assert b"PUSHWARDEN_DATA" in memory, "the dump has what the process has"
    assert markers.search(planted, [("memory", memory), ("environment", bytes.fromhex(said["environ"]))]) == {}
