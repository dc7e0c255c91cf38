"""What a role is started with, and what the api no longer sees."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pushwarden.wiring.seclusion import HIDDEN, environment

GIVEN = {
    "PUSHWARDEN_DATA": "data",
    "PUSHWARDEN_VAULT_KEY": "pem",
    "PUSHWARDEN_VAULT_KEY_FILE": "/etc/vault.pem",
    "PUSHWARDEN_CALLBACKS_KEY_COMMAND": "print callbacks",
    "PUSHWARDEN_CALLBACKS_KEY_FILE": "/etc/callbacks.pem",
}


@pytest.mark.parametrize(
    ("role", "missing"),
    [("prepare", ""), ("sender-bulk-3", "CALLBACKS_KEY"), ("chores", "VAULT_KEY"), ("api", "_KEY")],
)
def test_a_role_is_started_with_no_key_but_its_own(role: str, missing: str) -> None:
    own = environment(role, GIVEN)
    kept = {name: value for name, value in own.items() if name != HIDDEN}
    assert kept == {name: value for name, value in GIVEN.items() if not missing or missing not in name}
    assert "pem" not in own.get(HIDDEN, "").split(":")
    assert environment(role, own) == own, "it does not start itself again for ever"


def test_the_api_is_told_which_files_not_to_see() -> None:
    assert environment("api", GIVEN)[HIDDEN] == "/etc/vault.pem:/etc/callbacks.pem"
    assert HIDDEN not in environment("prepare", GIVEN)


PROGRAM = """
import json, os, sys
from pathlib import Path
from pushwarden.settings import Settings
from pushwarden.wiring.seclusion import in_sight, seclude, undumpable
settings = Settings(data=sys.argv[1], listen_port=int(sys.argv[2]))
before = [str(path) for path in in_sight(settings)]
reason = seclude(settings)
undumpable()
(settings.data / "written").write_text("as before")
with open("/proc/self/status") as status:
    rights = [line.split()[1] for line in status if line.startswith(("CapPrm", "CapEff"))]
print(json.dumps({"before": before, "reason": reason, "after": [str(path) for path in in_sight(settings)],
                  "beside": Path(sys.argv[3]).read_text(), "rights": rights}))
"""


def secluded(folder: Path, port: int = 0) -> tuple[dict[str, object], list[Path]]:
    """A process that hides its own key file, one in a folder of its own and one beside something it needs."""
    own, alone, among = (folder / name for name in ("data/keys/private/vault.key", "alone/a.pem", "etc/b.pem"))
    for path in (own, alone, among):
        path.parent.mkdir(parents=True)
        path.write_text("key")
    beside = folder / "etc" / "needed"
    beside.write_text("still here")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder / "data"), str(port), str(beside)],
        env={**os.environ, HIDDEN: f"{alone}:{among}"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    said: dict[str, object] = json.loads(done.stdout)
    assert (folder / "data" / "written").stat().st_uid == os.getuid()
    return said, [own, alone, among]


def test_a_secluded_process_sees_no_key_file_and_can_do_all_else(tmp_path: Path) -> None:
    said, paths = secluded(tmp_path)
    assert said["before"] == [str(path) for path in paths]
    assert said["reason"] == ""
    assert said["after"] == []
    assert said["beside"] == "still here"
    assert said["rights"] == ["0" * 16, "0" * 16]


def test_where_it_cannot_be_secluded_it_says_why_and_works_as_before(tmp_path: Path) -> None:
    said, paths = secluded(tmp_path, port=80)
    assert "a port below 1024" in str(said["reason"])
    assert said["after"] == [str(path) for path in paths]
