"""httpx with http2, as its documentation shows it, sends the job of argument 1."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys

import httpx
from job import Job, measured


async def main(job: Job) -> None:
    context = ssl.create_default_context(cafile=job.ca)
    headers = {
        "authorization": job.authorization(),
        "apns-topic": job.topic,
        "apns-push-type": "background",
        "apns-priority": "5",
    }
    slots = asyncio.Semaphore(job.in_flight)
    body = json.dumps(job.payload).encode()
    limits = httpx.Limits(max_connections=1)
    base = f"https://{job.host}:{job.port}"
    async with httpx.AsyncClient(http2=True, verify=context, headers=headers, limits=limits, base_url=base) as client:

        async def send(token: str) -> bool:
            async with slots:
                return (await client.post(f"/3/device/{token}", content=body)).status_code == 200

        async def send_all(tokens: list[str]) -> int:
            return sum(await asyncio.gather(*(send(token) for token in tokens)))

        await send(job.tokens(1)[0])
        await measured(job, send_all)


if __name__ == "__main__":
    asyncio.run(main(Job.read(sys.argv[1])))
