"""Benchmarks give the contract's object, whatever the size; what they measure is not judged here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

import postgres_server
from product_fixtures import SLOW
from pushwarden.bench import NAMES, NotMeasured, Wanted, peer_programs, peers, play, procs, run
from pushwarden.bench.house import House
from pushwarden.bench.scale import sizes
from pushwarden.wiring.stage import Stage, temporary
from real import need

FIGURES = {
    "fanout": {"pushes_per_s", "cpu_us_per_push", "peak_rss_mb", "h2load_per_s", "ratio_to_h2load"},
    "mixed": {"urgent_p50_ms", "urgent_p99_ms", "fanout_pushes_per_s"},
    "stop": {"stop_p50_ms", "stop_p100_ms", "frames_after_reply"},
    "ingest": {"accepts_per_s", "p50_ms", "p99_ms", "batch_pushes_per_s"},
    "singles": {"settled_per_s", "accept_to_frame_p50_ms", "accept_to_frame_p99_ms", "queue_growth", "seconds"},
    "import": {"devices_per_s", "bytes_per_device"},
    "scale": {"rows", "peak_rss_mb"},
    "pages": {"page_p95_ms", "slowest", "devices", "rows"},
    "peers": {"pushwarden_per_s", "pushwarden_client_per_s", "node_apn_per_s", "h2load_per_s", "ratio_to_best_peer"},
}
"""The contract's names."""
TINY = {
    "fanout": Wanted(devices=1000, trials=1),
    "mixed": Wanted(devices=100),
    "stop": Wanted(devices=10_000, trials=2),
    "ingest": Wanted(devices=100, trials=1),
    "singles": Wanted(devices=100),
    "import": Wanted(devices=500),
    "scale": Wanted(devices=300),
    "pages": Wanted(devices=1000, trials=1),
    "peers": Wanted(devices=1000, trials=1),
}


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """One for all, with the full log; each benchmark has an app of its own."""
    with temporary("pwbench-") as folder, Stage(folder, log_mode="full") as running:
        yield running


def test_the_contract_names_every_benchmark() -> None:
    assert set(NAMES) == set(FIGURES)


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_gives_the_contracts_object(name: str, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    if name in ("fanout", "ingest", "peers"):
        need("h2load")
    if name == "peers":
        need("npm")
        quick = [peer for peer in peer_programs.PEERS if peer.name == "node_apn"]  # the others take minutes to build
        monkeypatch.setattr(peers, "PEERS", quick)
    told: dict[str, Any] = play(name, House(stage, stage.make_app(name)), TINY[name])
    stage.control("POST", "/script", content=b'{"rules":[]}')
    assert set(told) == {"name", "figures", "targets", "trials", "machine", "commit", "notes"}
    assert told["name"] == name
    assert FIGURES[name] <= set(told["figures"])
    assert set(told["targets"]) <= set(told["figures"])
    assert set(told["machine"]) == {"cpu", "cores", "python"}
    assert not [note for note in told["notes"] if "broken" in note or "should be" in note or "never reached" in note]


def test_a_peer_that_cannot_be_had_is_named_with_its_reason(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    need("h2load")
    broken = peer_programs.Peer("broken", "Broken 1.0", lambda: ["/bin/false"], 1, 1)
    absent = replace(broken, name="absent", label="Absent 1.0", build=lambda: [peer_programs.program("no-such-tool")])
    monkeypatch.setattr(peers, "PEERS", [broken, absent])
    told = play("peers", House(stage, stage.make_app("named")), TINY["peers"])
    assert "Broken 1.0 is skipped: false ended with 1: no word" in told["notes"]
    assert "Absent 1.0 is skipped: no-such-tool is not installed." in told["notes"]
    assert "ratio_to_best_peer" not in told["figures"]


def test_what_is_not_there_is_not_measured() -> None:
    with pytest.raises(NotMeasured, match="Only apns is measured by mixed, not fcm"):
        run("mixed", Wanted(provider="fcm"))
    with pytest.raises(NotMeasured, match="Only sqlite is measured by import, not postgres"):
        run("import", Wanted(store="postgres"))


def test_a_fan_out_to_android_is_measured_as_one_to_apple() -> None:
    need("h2load")
    told = run("fanout", replace(TINY["fanout"], provider="fcm"))
    assert FIGURES["fanout"] <= set(told["figures"])
    assert told["targets"]["pushes_per_s"] == "≥ 80000"
    assert not [note for note in told["notes"] if "broken" in note or "should be" in note]


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.0, 1)])
def test_a_percentile_is_the_nearest_rank(share: float, expected: float) -> None:
    assert procs.percentile(range(100, 0, -1), share) == expected


def test_scale_grows_tenfold_up_to_what_was_asked() -> None:
    assert sizes(1_000_000) == [10_000, 100_000, 1_000_000]
    assert sizes(250_000) == [10_000, 100_000, 250_000]
    assert sizes(300) == [300]


@SLOW
def test_over_postgresql_a_fan_out_is_compared_with_sqlite_in_the_same_run() -> None:
    need("h2load")
    postgres_server.server()  # or the reason why there is none
    told = run("fanout", Wanted(devices=1000, trials=1, store="postgres"))
    assert told["figures"]["ratio_to_sqlite"] > 0
    assert told["targets"]["ratio_to_sqlite"] == "≥ 0.7"
    assert not [note for note in told["notes"] if "broken" in note or "should be" in note]
