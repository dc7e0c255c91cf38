"""Runs a credential check in a short-lived child with hard limits: uploaded files are hostile until shown else."""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from pushwarden.core.errors import UnusableCredential
from pushwarden.core.secret import Secret
from pushwarden.providers.port import Report
from pushwarden.wiring.providers import PROVIDERS

CPU_SECONDS = 2
MEMORY = 512 << 20
WALL_SECONDS = 10.0


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _check(provider: str, data: bytes, password: bytes | None, hints: dict[str, str], now_ms: int) -> tuple[Any, ...]:
    """In the child. A Secret is not pickled, so the material crosses as bytes, over the pool's private pipe."""
    secret = None if password is None else Secret(password)
    report = PROVIDERS[provider].check(data, password=secret, hints=hints, now_ms=now_ms)
    material = None if report.material is None else report.material.reveal()
    return report.kind, report.checks, dict(report.facts), report.fingerprint, material


class Inspector:
    """One child for each file, from a fork server that has everything imported."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([__name__])
        self._now_ms = now_ms

    async def __call__(self, provider: str, data: bytes, password: Secret | None, hints: Mapping[str, str]) -> Report:
        loop = asyncio.get_running_loop()
        clear = None if password is None else password.reveal()
        pool = ProcessPoolExecutor(1, mp_context=self._context, initializer=_limit)
        now_ms = self._now_ms()
        try:
            work = loop.run_in_executor(pool, _check, provider, data, clear, dict(hints), now_ms)
            kind, checks, facts, fingerprint, material = await asyncio.wait_for(work, WALL_SECONDS)
        except (BrokenProcessPool, TimeoutError, MemoryError):
            raise UnusableCredential(
                "Reading this file took more time or memory than any real credential needs; export it again."
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        return Report(kind, checks, facts, fingerprint, None if material is None else Secret(material))
