"""A sender that only holds its end of the ring: `python ring_toy.py RUN SENDER BEHAVIOUR`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

from pushwarden.adapters.ring import RingServer


async def serve(run: Path, sender: str, behaviour: str) -> None:
    bells: list[str] = []

    async def fence(request: dict[str, Any]) -> dict[str, Any]:
        match behaviour:
            case "slow":
                await asyncio.sleep(60)
            case "fenced":
                return {"confirmation": "fenced", "named": 3}
            case "failing":
                raise RuntimeError("the toy fails")
        return {"confirmation": "drained", "generation": request["generation"]}

    async def doorbell(request: dict[str, Any]) -> None:
        bells.extend(request["classes"])

    async def stats(request: dict[str, Any]) -> dict[str, Any]:
        return {"bells": bells}

    async def ramps(request: dict[str, Any]) -> dict[str, Any]:
        return {"ramps": {}} if behaviour != "slow" else await fence(request)

    handlers = {"fence": fence, "doorbell": doorbell, "stats": stats, "ramps": ramps}
    server = RingServer(run, sender, handlers)
    await server.start()
    print("ready", flush=True)
    await asyncio.sleep(60)
    await server.close()


def start(run: Path, sender: str, behaviour: str = "good") -> subprocess.Popen[str]:
    """The toy as a process, listening when this returns. The caller ends it."""
    toy = subprocess.Popen(
        [sys.executable, __file__, str(run), sender, behaviour],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert toy.stdout is not None
    assert toy.stdout.readline() == "ready\n"
    return toy


def finish(toy: subprocess.Popen[str]) -> int:
    """Kills it if it still runs; its return code."""
    toy.kill()
    code = toy.wait()
    assert toy.stdout is not None
    toy.stdout.close()
    return code


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
