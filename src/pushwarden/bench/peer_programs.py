"""How each peer is built from its published, pinned packages and run. What a machine lacks is said by name."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pushwarden.bench.procs import say
from pushwarden.bench.reference import STREAMS

SOURCES = Path(__file__).parents[3] / "benchmarks" / "peers"
BUILT = SOURCES.parents[1] / ".tools" / "peers"
"""Kept between runs: packages and compiled programs, outside of what is committed."""
BUILD_SECONDS, RUN_SECONDS = 900, 600


class Missing(Exception):
    """The peer cannot be had on this machine; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One client. build: gives the command that takes a job's path.

    warm, count: pushes before and within the timing. in_flight: requests at once; where it is fewer than the streams
    the simulator allows, that is where the client does best.
    """

    name: str
    label: str
    build: Callable[[], Sequence[str]]
    warm: int
    count: int
    in_flight: int = STREAMS
    takes_header: bool = False  # its second argument is the authorization header


@dataclass(frozen=True, slots=True)
class Timed:
    """What a peer did in its measured part."""

    per_s: float
    cpu_us: float


def measure(peer: Peer, command: Sequence[str], job: Mapping[str, Any], folder: Path, header: str) -> Timed:
    """Runs a built peer once. Missing when it failed or not every push was accepted."""
    path = folder / f"job-{peer.name}.json"
    path.write_text(json.dumps({**job, "warm": peer.warm, "count": peer.count, "in_flight": peer.in_flight}))
    arguments = [*command, str(path), *([header] if peer.takes_header else [])]
    said = _run(arguments, folder, RUN_SECONDS)
    told = json.loads(said.strip().splitlines()[-1])
    if told["accepted"] != peer.count:
        raise Missing(f"{peer.label}: {told['accepted']} of {peer.count} pushes were accepted.")
    return Timed(peer.count / told["seconds"], told["cpu_s"] / peer.count * 1e6)


def _run(command: Sequence[str], folder: Path, seconds: float) -> str:
    try:
        done = subprocess.run(  # noqa: S603  our own arguments
            command, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False, env=_environ()
        )
    except subprocess.TimeoutExpired as error:
        raise Missing(f"{Path(command[0]).name} did not end within {seconds:g} s.") from error
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no word"]
        raise Missing(f"{Path(command[0]).name} ended with {done.returncode}: {last[0][:200]}")
    return done.stdout


def _environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(SOURCES / "python")}


def program(name: str) -> str:
    """Its path. Missing when there is none."""
    path = shutil.which(name)
    if path is None:
        raise Missing(f"{name} is not installed.")
    return path


def _copy(name: str) -> Path:
    """The peer's sources in a folder where they may be built."""
    folder = BUILT / name
    shutil.copytree(SOURCES / name, folder, dirs_exist_ok=True)
    return folder


def _build(folder: Path, command: Sequence[str], made: Path) -> Path:
    """Builds unless it was built from the same sources already."""
    text = b"".join(path.read_bytes() for path in sorted((SOURCES / folder.name).rglob("*")) if path.is_file())
    stamp = folder / ".built"
    if made.exists() and stamp.exists() and stamp.read_bytes() == text:
        return made
    say(f"building {folder.name}: {Path(command[0]).name} {' '.join(command[1:3])}")
    _run(command, folder, BUILD_SECONDS)
    stamp.write_bytes(text)
    return made


def own() -> Sequence[str]:
    return [sys.executable, str(SOURCES / "python" / "pushwarden_peer.py")]


def _python(script: str) -> Sequence[str]:
    folder = _copy("python")
    python = folder / "venv" / "bin" / "python"
    install = (
        'set -e; "$1" -m venv venv; venv/bin/pip install --quiet --disable-pip-version-check --require-hashes '
        "--only-binary :all: -r requirements.txt"
    )
    _build(folder, ["/bin/sh", "-c", install, "install", sys.executable], python)
    return [str(python), str(SOURCES / "python" / script)]


def aioapns() -> Sequence[str]:
    return _python("aioapns_peer.py")


def httpx() -> Sequence[str]:
    return _python("httpx_peer.py")


def node_apn() -> Sequence[str]:
    node, folder = program("node"), _copy("node")
    npm = [program("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    _build(folder, npm, folder / "node_modules" / "@parse" / "node-apn")
    return [node, str(folder / "peer.cjs")]


def apns2() -> Sequence[str]:
    go, folder = program("go"), _copy("go")
    return [str(_build(folder, [go, "build", "-o", "peer", "."], folder / "peer"))]


def pushy() -> Sequence[str]:
    java, folder = program("java"), _copy("java")
    jar = _build(folder, [program("mvn"), "-q", "-B", "package"], folder / "target" / "pushy-peer-1.jar")
    return [java, "-cp", f"{jar}:{folder / 'target' / 'lib'}/*", "Peer"]


def hyper() -> Sequence[str]:
    cargo, folder = program("cargo"), _copy("rust")
    made = folder / "target" / "release" / "pushwarden-peer-hyper"
    return [str(_build(folder, [cargo, "build", "--release", "--quiet"], made))]


OWN = Peer("pushwarden_client", "Pushwarden's client alone", own, 50_000, 500_000)
PEERS = (
    Peer("pushy", "Pushy 0.15.4 (Java)", pushy, 1_000_000, 500_000),
    Peer("apns2", "apns2 0.25.0 (Go)", apns2, 50_000, 200_000),
    Peer("hyper", "hyper 1.12 (Rust), the HTTP client under a2", hyper, 50_000, 300_000, takes_header=True),
    Peer("node_apn", "node-apn 8.1.0", node_apn, 20_000, 60_000),
    Peer("aioapns", "aioapns 4.0", aioapns, 1_000, 20_000, 50),
    Peer("httpx", "httpx 0.28.1", httpx, 500, 5_000, 100),
)
