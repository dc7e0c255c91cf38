"""What the console takes from npm: pinned, as it was published, and in the wheel."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pushwarden.settings import Settings
from pushwarden.wiring import doctor
from pushwarden.wiring.doctor import console
from real import absent

ROOT = Path(__file__).resolve().parents[2]
VENDOR = "pushwarden/control/console/static/vendor"
HERE = ROOT / "src" / VENDOR


def manifest() -> dict[str, str]:
    if not (HERE / "manifest.json").is_file():
        absent("the console's scripts and font are not here: run ./dev setup")
    told: dict[str, str] = json.loads((HERE / "manifest.json").read_text())
    return told


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_every_file_is_what_the_manifest_says() -> None:
    told = manifest()
    assert {path.name: digest(path.read_bytes()) for path in HERE.iterdir() if path.name != "manifest.json"} == told
    assert {"htmx.min.js", "hx-sse.min.js", "inter.css"} < told.keys()


def test_packages_are_pinned_to_one_version_by_hash_and_name_no_registry() -> None:
    wanted = json.loads((ROOT / "assets/package.json").read_text())
    assert all(
        re.fullmatch(r"\d+\.\d+\.\d+", v) for v in {**wanted["dependencies"], **wanted["devDependencies"]}.values()
    )
    packages = json.loads((ROOT / "assets/package-lock.json").read_text())["packages"]
    for name, package in packages.items():
        if name:
            algorithm, _, text = package["integrity"].partition("-")
            assert (algorithm, len(base64.b64decode(text))) == ("sha512", 64)
        assert "resolved" not in package


def test_the_style_sheet_of_the_font_names_files_that_are_there() -> None:
    told = manifest()
    named = dict(re.findall(r"url\(([\w.-]+)\?v=(\w+)\)", (HERE / "inter.css").read_text()))
    assert len(named) == 2
    assert all(told[file].startswith(version) for file, version in named.items())


def test_doctor_says_when_the_console_has_nothing_to_move_its_pages_with(monkeypatch: pytest.MonkeyPatch) -> None:
    manifest()
    assert [finding.good for finding in console(Settings())] == [True]
    monkeypatch.setattr(doctor, "LIVE", ("vendor/none.js",))
    (finding,) = console(Settings())
    assert (finding.good, finding.sentence) == (
        False,
        "The console shows nothing live; run `./dev setup` where npm packages can be had.",
    )


def test_a_wheel_carries_the_scripts_and_the_font(tmp_path: Path) -> None:
    told = manifest()
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        assert {name: digest(wheel.read(f"{VENDOR}/{name}")) for name in told} == told
