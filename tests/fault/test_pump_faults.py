"""Faults that need more than a script (the others: test_matrix.py); what a stop, a ttl and a drain do in mid-run."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.fault.pump_stage import WHERE, PumpStage, pump_stage, shared, simulator
from tests.fault.sides import SIDES
from tests.flow.test_egress_tls import server_certificate
from tests.simulator_fixtures import Simulator

from pushwarden.adapters.clock import SystemClock
from pushwarden.core.outcome import Fate
from pushwarden.core.push import Push, PushType
from pushwarden.core.receipt import Confirmation
from pushwarden.simulators.proxy import ConnectProxy
from pushwarden.simulators.relay import Relay

__all__ = ["shared", "simulator"]
FLEET = 3000
QUICK = {"deadline": 0.6, "ping_after": 0.3, "ping_timeout": 0.3}


async def fan_out(stage: PumpStage, kind: PushType = PushType.ALERT, **changes: Any) -> tuple[dict[Fate, int], Any]:
    await stage.register(FLEET)
    push = await stage.accept(kind, **changes)
    return await stage.until_done(push), push


class Stern:
    """A server that takes no client certificate but its own; asyncio's own server would close without the alert."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._context.load_verify_locations(certificate)
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._context.set_alpn_protocols(["h2"])
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.refused = 0
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Stern:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                raw = self._listener.accept()[0]
            except OSError:
                return
            raw.settimeout(5)
            with self._context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False) as tls:
                try:
                    tls.do_handshake()
                except ssl.SSLError:
                    self.refused += 1


def test_a_calm_fan_out_reaches_everyone_once(simulator: Simulator, tmp_path: Path) -> None:
    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            fates, push = await fan_out(stage, PushType.BACKGROUND)
            assert fates[Fate.ACCEPTED] == FLEET
            assert stage.seen(push) == dict.fromkeys(range(FLEET), 1)

    asyncio.run(body())


def test_f5_an_alert_without_answer_is_sent_again_under_the_same_collapse_id(
    simulator: Simulator, tmp_path: Path
) -> None:
    simulator.script({"do": "reset", "code": 8, "share": 0.02, "until_s": 1.0})

    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            fates, push = await fan_out(stage, PushType.ALERT)
            assert fates[Fate.ACCEPTED] == FLEET
            assert set(stage.seen(push)) == set(range(FLEET))

    asyncio.run(body())


def test_f6_a_peer_that_vanished_is_found_by_ping(simulator: Simulator, tmp_path: Path) -> None:
    async def body() -> None:
        relay = Relay("127.0.0.1", simulator.port)
        port = await relay.start()
        async with pump_stage(simulator, tmp_path, port=port, **{**QUICK, "deadline": 30.0}) as stage:
            await stage.register(FLEET)
            simulator.script({"do": "delay", "ms": 30})
            push = await stage.accept(PushType.BACKGROUND)
            await stage.until_accepted(push, 200)
            relay.swallow()
            async with asyncio.timeout(10):
                while relay.accepted < 2:
                    await asyncio.sleep(0.01)
            relay.resume()
            fates = await stage.until_done(push)
            assert fates[Fate.ACCEPTED] + fates[Fate.UNKNOWN] == FLEET
            assert max(stage.seen(push).values()) == 1
        await relay.close()

    asyncio.run(body())


def test_f8_tiny_windows_and_a_stall_lose_nothing(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script(
        {"do": "windows", "stream": 16},
        {"do": "stall", "what": "window", "from_s": 0.1, "until_s": 0.5},
        {"do": "refuse", "share": 0.05, "status": 400, "reason": "BadCollapseId", "body": "huge"},
    )

    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            fates, push = await fan_out(stage, PushType.BACKGROUND)
            assert fates[Fate.REFUSED] > 0
            assert fates[Fate.ACCEPTED] + fates[Fate.REFUSED] == FLEET
            accepted = [frame.apns_id for frame in stage.frames(push) if frame.status == 200]
            assert len(accepted) == len(set(accepted)) == fates[Fate.ACCEPTED]

    asyncio.run(body())


def test_f11_a_push_after_the_provider_closed_idle_connections_goes_out(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script({"do": "idle_close", "after_s": 0.1})

    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            fates, _ = await fan_out(stage, PushType.BACKGROUND)
            assert fates[Fate.ACCEPTED] == FLEET
            async with asyncio.timeout(10):
                while simulator.counts()["connections"]:
                    await asyncio.sleep(0.02)
            again = await stage.accept(PushType.BACKGROUND)
            assert (await stage.until_done(again))[Fate.ACCEPTED] == FLEET
            assert stage.seen(again) == dict.fromkeys(range(FLEET), 1)

    asyncio.run(body())


def test_f12_a_provider_this_machine_does_not_trust_gets_nothing_and_blames_no_credential(
    simulator: Simulator, tmp_path: Path
) -> None:
    other = server_certificate(tmp_path)

    async def body() -> None:
        async with pump_stage(simulator, tmp_path, ca=other) as stage:
            await stage.register(FLEET)
            push = await stage.accept(PushType.BACKGROUND)
            async with asyncio.timeout(10):
                while not stage.ledger.troubles:
                    await asyncio.sleep(0.01)
            [sentence] = stage.ledger.troubles.values()
            assert "does not trust" in sentence
            assert "check the trust store" in sentence
            assert [station.pace.credential.sentence for station in stage.pump.stations.values()] == [""]
            assert sum((await stage.progress(push)).fates.values()) == 0
            assert stage.frames(push) == []

    asyncio.run(body())


def test_f13_a_refused_client_certificate_pauses_the_lane_after_three_handshakes(
    simulator: Simulator, tmp_path: Path
) -> None:
    certificate = server_certificate(tmp_path)
    with Stern(certificate, tmp_path / "key.pem") as server:

        async def body() -> None:
            async with pump_stage(simulator, tmp_path, port=server.port, ca=certificate) as stage:
                await stage.register(FLEET)
                push = await stage.accept(PushType.BACKGROUND)
                async with asyncio.timeout(30):
                    while not any(station.pace.credential.sentence for station in stage.pump.stations.values()):
                        await asyncio.sleep(0.01)
                assert server.refused == 3
                assert sum((await stage.progress(push)).fates.values()) == 0

        asyncio.run(body())


def test_f14_a_certificate_that_ends_while_connected_pauses_its_lane(simulator: Simulator, tmp_path: Path) -> None:
    ends = SystemClock().now_ms() + 3_600_000

    async def body() -> None:
        async with pump_stage(simulator, tmp_path, window=50, credential_facts={"not_after": ends}) as stage:
            await stage.register(FLEET)
            simulator.script({"do": "delay", "ms": 300})
            push = await stage.accept(PushType.BACKGROUND)
            await stage.until_accepted(push, 1)
            stage.skew.ahead = 3601
            async with asyncio.timeout(10):
                while not (sentence := _sentence(stage)):
                    await asyncio.sleep(0.01)
            assert "its certificate ended on" in sentence
            async with asyncio.timeout(10):
                while (progress := await stage.progress(push)).in_flight:
                    await asyncio.sleep(0.01)
            assert sum(progress.fates.values()) == progress.fates[Fate.ACCEPTED] == len(stage.frames(push)) < FLEET
            renewed = replace(stage.credential, id="c2", facts={**stage.credential.facts, "not_after": ends * 2})
            stage.skew.ahead = 0  # the simulator's clock has not moved: a token from its future would be refused
            stage.configure(renewed)
            assert (await stage.until_done(push))[Fate.ACCEPTED] == FLEET
            assert stage.seen(push) == dict.fromkeys(range(FLEET), 1)

    asyncio.run(body())


def _sentence(stage: PumpStage) -> str:
    return next((station.pace.sentence for station in stage.pump.stations.values()), "")


@pytest.mark.parametrize("reason", ["NOT_FOUND", "PERMISSION_DENIED", "SERVICE_DISABLED"])
def test_f24_a_404_without_a_word_about_the_token_is_the_projects_fault(tmp_path: Path, reason: str) -> None:
    with SIDES["fcm"].running(tmp_path) as google:
        google.script({"do": "refuse", "status": 404 if reason == "NOT_FOUND" else 403, "reason": reason})

        async def body() -> None:
            async with pump_stage(google, tmp_path, "fcm") as stage:
                await stage.register(FLEET)
                push = await stage.accept(PushType.BACKGROUND)
                async with asyncio.timeout(10):
                    while not _sentence(stage):
                        await asyncio.sleep(0.01)
                assert sum((await stage.progress(push)).fates.values()) == 0
                assert (await stage.devices.counts(WHERE))["gone"] == 0
                google.script()
                stage.configure(replace(stage.credential, id="c2"))
                assert (await stage.until_done(push))[Fate.ACCEPTED] == FLEET

        asyncio.run(body())


def test_f20_a_connect_proxy_is_used_and_its_refusal_said_in_a_sentence(simulator: Simulator, tmp_path: Path) -> None:
    async def body() -> None:
        proxy = ConnectProxy()
        port = await proxy.start()
        async with pump_stage(simulator, tmp_path, proxy=f"http://127.0.0.1:{port}") as stage:
            fates, _ = await fan_out(stage, PushType.BACKGROUND)
            assert fates[Fate.ACCEPTED] == FLEET
        assert proxy.seen
        await proxy.close()

    asyncio.run(body())


def test_f21_a_token_that_died_is_buried_and_never_sent_to_again(simulator: Simulator, tmp_path: Path) -> None:
    dead = [f"{number:064x}" for number in range(0, 90)]

    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            await stage.register(FLEET)
            row = {"state": "unregistered", "timestamp_ms": SystemClock().now_ms() + 1}
            simulator.post("tokens", {"tokens": dict.fromkeys(dead, row)})
            fates = await stage.until_done(await stage.accept(PushType.BACKGROUND))
            assert fates[Fate.REFUSED] == len(dead)
            async with asyncio.timeout(5):
                while (await stage.devices.counts(WHERE))["gone"] < len(dead):
                    await asyncio.sleep(0.01)
            again = await stage.accept(PushType.BACKGROUND)
            fates = await stage.until_done(again)
            assert fates[Fate.ACCEPTED] == FLEET - len(dead)
            assert not set(stage.seen(again)) & set(range(90))

    try:
        asyncio.run(body())
    finally:
        simulator.post("tokens", {"tokens": {token: {"state": "ok"} for token in dead}})


def test_f22_a_wrong_environment_touches_no_token_and_holds_the_lane(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script({"do": "refuse", "share": 1.0, "status": 400, "reason": "BadDeviceToken"})

    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            await stage.register(FLEET)
            push = await stage.accept(PushType.BACKGROUND)
            async with asyncio.timeout(10):
                while not stage.holds.holds:
                    await asyncio.sleep(0.01)
            [hold] = stage.holds.holds
            assert "environment" in hold.reason
            assert (await stage.devices.counts(WHERE))["gone"] == 0
            async with asyncio.timeout(10):
                while (progress := await stage.progress(push)).shards.get("held", 0) == 0:
                    await asyncio.sleep(0.01)
            assert progress.pending > 0

    asyncio.run(body())


def test_f23_a_refused_credential_pauses_its_lane_and_ends_nobody(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script({"do": "refuse", "share": 1.0, "status": 403, "reason": "InvalidProviderToken"})

    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            await stage.register(FLEET)
            push = await stage.accept(PushType.BACKGROUND)
            async with asyncio.timeout(10):
                while not any(station.pace.credential.sentence for station in stage.pump.stations.values()):
                    await asyncio.sleep(0.01)
            progress = await stage.progress(push)
            assert sum(progress.fates.values()) == 0
            assert (await stage.devices.counts(WHERE))["live"] == FLEET
            assert len(stage.frames(push)) <= 2000

    asyncio.run(body())


def test_f42_an_opt_out_in_the_queue_ends_withdrawn(simulator: Simulator, tmp_path: Path) -> None:
    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            await stage.register(FLEET)
            simulator.script({"do": "delay", "ms": 50})
            push = await stage.accept(PushType.BACKGROUND)
            await stage.until_accepted(push, 1)
            for number in range(FLEET - 20, FLEET):
                await stage.devices.remove(WHERE, f"phone-{number}")
            fates = await stage.until_done(push)
            assert fates[Fate.WITHDRAWN] == 20
            assert fates[Fate.ACCEPTED] == FLEET - 20
            assert not set(stage.seen(push)) & set(range(FLEET - 20, FLEET))

    asyncio.run(body())


def test_a_stop_in_mid_flight_lets_no_frame_follow_the_drained_reply(simulator: Simulator, tmp_path: Path) -> None:
    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            await stage.register(FLEET)
            simulator.script({"do": "delay", "ms": 20})
            push = await stage.accept(PushType.BACKGROUND)
            await stage.until_accepted(push, 300)
            stage.fence.stop(WHERE, 1)
            confirmation, named, _ = await stage.pump.fence()
            before = len(stage.frames(push))
            await asyncio.sleep(0.2)
            assert (confirmation, named) == (Confirmation.DRAINED, 0)
            assert len(stage.frames(push)) == before
            stage.fence.resume(WHERE)
            await stage.journal.release(WHERE)
            stage.pump.doorbell()
            fates = await stage.until_done(push)
            assert fates[Fate.ACCEPTED] == FLEET
            assert max(stage.seen(push).values()) == 1

    asyncio.run(body())


def test_a_ttl_that_runs_out_ends_what_is_left_expired(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script({"do": "delay", "ms": 400})

    async def body() -> None:
        async with pump_stage(simulator, tmp_path, window=100) as stage:
            fates, push = await fan_out(stage, PushType.BACKGROUND, expires_at=_soon())
            assert fates[Fate.EXPIRED] > 0
            assert fates[Fate.ACCEPTED] + fates[Fate.EXPIRED] == FLEET
            assert len(stage.seen(push)) == fates[Fate.ACCEPTED]

    asyncio.run(body())


def _soon() -> int:
    return SystemClock().now_ms() + 600


def test_a_drain_gives_the_shards_back_and_another_sender_finishes_them(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script({"do": "delay", "ms": 30})

    async def body() -> None:
        async with pump_stage(simulator, tmp_path, window=100) as stage:
            push = await proven_fan_out(stage)
            await stage.until_accepted(push, 200)
            await stage.pump.drain(30)
            await drained(stage, push)
            assert max(stage.seen(push).values()) == 1

    asyncio.run(body())


def test_a_drain_amid_a_claim_gives_back_what_is_being_claimed(simulator: Simulator, tmp_path: Path) -> None:
    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            claim, drains = stage.journal.claim, []

            async def claim_and_drain(*args: Any, **named: Any) -> Any:
                found = await claim(*args, **named)
                drains.append(asyncio.create_task(stage.pump.drain(30)))
                await asyncio.sleep(0)
                return found

            stage.journal.claim = claim_and_drain  # type: ignore[method-assign]
            push = await proven_fan_out(stage)
            await asyncio.wait_for(stage.running, 20)
            stage.journal.claim = claim  # type: ignore[method-assign]
            assert len(drains) == 1 and not stage.frames(push)
            await drained(stage, push)

    asyncio.run(body())


def test_a_drain_amid_a_read_leaves_nobody_in_doubt(simulator: Simulator, tmp_path: Path) -> None:
    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            page = stage.devices.page

            async def drain_and_page(*args: Any, **named: Any) -> Any:
                stage.devices.page = page  # type: ignore[method-assign]
                draining = asyncio.create_task(stage.pump.drain(30))
                rounds = stage.ledger.rounds
                while stage.ledger.rounds < rounds + 2:
                    await asyncio.sleep(0.001)
                assert not draining.done()
                return await page(*args, **named)

            stage.devices.page = drain_and_page  # type: ignore[method-assign]
            push = await proven_fan_out(stage)
            await asyncio.wait_for(stage.running, 20)
            assert not stage.frames(push)
            await drained(stage, push)

    asyncio.run(body())


async def proven_fan_out(stage: PumpStage) -> Push:
    """A silent push to devices that were sent to before."""
    await stage.register(FLEET)
    await stage.devices.prove(stage.audience, FLEET)
    return await stage.accept(PushType.BACKGROUND)


async def drained(stage: PumpStage, push: Push) -> None:
    """All shards are given back, and another sender brings them to everybody who is left."""
    progress = await stage.progress(push)
    assert set(progress.shards) == {"ready"} and progress.in_flight == 0
    async with stage.successor():
        fates = await stage.until_done(push)
    assert fates[Fate.ACCEPTED] == FLEET
