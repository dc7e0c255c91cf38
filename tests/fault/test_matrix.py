"""Every scripted row of the fault matrix on its providers: one ending each, and no more lost than the row says."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.fault.matrix import FAULTS, Ends, Rule, Script
from tests.fault.pump_stage import WHERE, PumpStage, pump_stage
from tests.fault.sides import SIDES
from tests.simulator_fixtures import Simulator

from pushwarden.core.outcome import Fate
from pushwarden.core.push import PushType

FLEET = 3000


@dataclass(frozen=True, slots=True)
class Case:
    number: str
    place: int
    script: Script
    provider: str

    def __str__(self) -> str:
        return f"{self.number}.{self.place}-{self.provider}"


CASES = [
    Case(fault.number, place, script, provider)
    for fault in FAULTS
    for place, script in enumerate(fault.scripts, 1)
    for provider in script.providers
    if provider in SIDES
]


@pytest.fixture(scope="module")
def simulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Simulator]]:
    """One of each provider, started when first asked for."""
    with Simulators(tmp_path_factory) as made:
        yield made


class Simulators(dict[str, Simulator]):
    def __init__(self, folders: pytest.TempPathFactory) -> None:
        super().__init__()
        self._folders, self._open = folders, []

    def __enter__(self) -> Simulators:
        return self

    def __missing__(self, provider: str) -> Simulator:
        running = SIDES[provider].running(self._folders.mktemp(provider))
        self[provider] = running.__enter__()
        self._open.append(running)
        return self[provider]

    def __exit__(self, *_: object) -> None:
        for running in self._open:
            running.__exit__(None, None, None)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_fault_costs_what_the_matrix_says(case: Case, simulators: dict[str, Simulator], tmp_path: Path) -> None:
    simulator, script = simulators[case.provider], case.script
    play(simulator, script.rules_of(case.provider), SIDES[case.provider].before)

    async def body() -> None:
        async with pump_stage(simulator, tmp_path, case.provider, **script.facts) as stage:
            await stage.register(FLEET)
            push = await stage.accept(PushType.BACKGROUND)
            fates = await stage.until_done(push)
            processed = Counter(number for number, status in stage.answers(push) if status == 200)
            judge(script, fates, processed, stage.seen(push))
            await tokens_are_whole(stage)

    asyncio.run(body())


def play(simulator: Simulator, rules: tuple[Rule, ...], first: int) -> None:
    """The script; connections it names count from the next one, `first` for access tokens left out."""
    before = simulator.counts()["handshakes"] + first
    simulator.script(*(_shifted(rule, before) for rule in rules))


def _shifted(rule: Rule, by: int) -> Rule:
    return {**rule, "connections": [by + one for one in rule["connections"]]} if "connections" in rule else rule


def judge(script: Script, fates: dict[Fate, int], processed: Counter[int], seen: dict[int, int]) -> None:
    """fates: our count. processed, seen: recipient → times the simulator said 200, and read a request at all."""
    assert sum(fates.values()) == FLEET, fates
    assert set(processed.values()) == {1}, "nobody gets a silent push twice"
    other = {Ends.ACCEPTED: None, Ends.UNKNOWN: Fate.UNKNOWN, Ends.REFUSED: Fate.REFUSED}[script.ends]
    if other is None:
        assert fates[Fate.ACCEPTED] == len(processed) == FLEET
        return
    assert 0 < fates[other] <= script.most * FLEET
    assert fates[Fate.ACCEPTED] + fates[other] == FLEET
    if other is Fate.UNKNOWN:
        assert max(seen.values()) == 1, "without an answer it is not written again"


async def tokens_are_whole(stage: PumpStage) -> None:
    """None of these faults is a device's."""
    counts = await stage.devices.counts(WHERE)
    assert (counts["live"], counts["gone"]) == (FLEET, 0)


def test_every_proof_the_matrix_names_is_a_test() -> None:
    root = Path(__file__).parents[1]
    text = "".join(path.read_text() for path in root.rglob("test_*.py"))
    named = [proof for fault in FAULTS for proof in fault.proofs]
    assert [proof for proof in named if f"def {proof}(" not in text] == []
    assert [fault.number for fault in FAULTS if not fault.scripts and not fault.proofs] == []
