"""How many durable accepts a second one api process takes from h2load on the same machine; `--json` for one object."""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from intake_fixtures import BASE, key_of, opened

DEVICES = 10_000
PUSH = {
    "to": {"user": "u77"},
    "title": "Your order is on its way",
    "body": "It arrives today.",
    "data": {"order": 4711},
}


def serve(folder: Path, port: int) -> None:
    """The intake alone under uvicorn, over SQLite."""
    import uvicorn

    async def run() -> None:
        async with opened("sqlite", folder, DEVICES) as house:
            config = uvicorn.Config(
                house.app, "127.0.0.1", port, http="httptools", loop="uvloop", access_log=False, log_level="warning",
                lifespan="off", ws="none",
            )  # fmt: skip
            gc.freeze()
            gc.set_threshold(50_000, 50, 100)
            await uvicorn.Server(config).serve()

    import uvloop

    uvloop.run(run())


def waited(port: int, server: subprocess.Popen[bytes]) -> None:
    while server.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the server ended")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(port: int, clients: int, requests: int, folder: Path) -> dict[str, Any]:
    """h2load's figures: accepts a second, and p50 and p99 in milliseconds from its log of every request."""
    body, log = folder / "body.json", folder / "h2load.log"
    body.write_text(json.dumps(PUSH))
    log.unlink(missing_ok=True)
    command = [
        "h2load", "--h1", "-t", "1", "-c", str(clients), "-n", str(requests), "-d", str(body), "--log-file", str(log),
        "-H", f"authorization: Bearer {key_of('robot')[1]}", "-H", "content-type: application/json",
        f"http://127.0.0.1:{port}{BASE}/pushes",
    ]  # fmt: skip
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    rows = [line.split("\t") for line in log.read_text().splitlines()]
    times = sorted(int(row[2]) / 1000 for row in rows if row[1] == "202")
    rate = re.search(r"finished in [\d.]+\w+, ([\d.]+) req/s", said)
    assert rate is not None
    return {
        "clients": clients,
        "accepted": len(times),
        "refused": len(rows) - len(times),
        "accepts_per_s": round(float(rate[1])),
        "p50_ms": times[len(times) // 2],
        "p99_ms": times[len(times) * 99 // 100],
    }


def batch(port: int, pushes: int) -> dict[str, Any]:
    """Pushes a second in NDJSON batches of 10,000."""
    line = json.dumps(PUSH).encode() + b"\n"
    headers = {"authorization": f"Bearer {key_of('robot')[1]}", "content-type": "application/x-ndjson"}
    started = time.perf_counter()
    for _ in range(pushes // 10_000):
        request = urllib.request.Request(f"http://127.0.0.1:{port}{BASE}/pushes:batch", line * 10_000, headers)
        answers = urllib.request.urlopen(request, timeout=60).read().splitlines()
        assert len(answers) == 10_000 and b"error" not in answers[-1]
    return {"batch_pushes_per_s": round(pushes / (time.perf_counter() - started))}


def fsync_ms(folder: Path, times: int = 200) -> float:
    """Median of a 4 KiB write with fsync on the same disk."""
    took = []
    with (folder / "probe").open("wb") as file:
        for _ in range(times):
            started = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - started) * 1000)
    return sorted(took)[times // 2]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", nargs="?", choices=("run", "serve"), default="run")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--port", type=int, default=8699)
    parser.add_argument("--clients", type=int, nargs="*", default=[1, 32, 64, 128])
    parser.add_argument("--requests", type=int, default=10_000)
    options = parser.parse_args()
    if options.verb == "serve":
        return serve(options.folder, options.port)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, __file__, "serve", "--folder", name, "--port", str(options.port)]
        with subprocess.Popen(command) as server:
            try:
                waited(options.port, server)
                load(options.port, 16, 2_000, folder)
                runs = []
                for clients in options.clients:
                    before = cpu_seconds(server.pid)
                    runs.append(load(options.port, clients, options.requests, folder))
                    spent = cpu_seconds(server.pid) - before
                    runs[-1]["server_cpu_us_per_accept"] = round(spent / options.requests * 1e6)
                figures = {"fsync_ms": fsync_ms(folder), "runs": runs} | batch(options.port, 50_000)
            finally:
                server.terminate()
    print(json.dumps(figures, indent=1))
    return None


if __name__ == "__main__":
    main()
