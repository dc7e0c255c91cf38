"""aioapns 4.0 sends the job of argument 1; one JSON line: how many were accepted, in which time, for how much CPU."""

from __future__ import annotations

import asyncio
import logging
import ssl
import sys

from aioapns import APNs, NotificationRequest, PushType
from aioapns.connection import APNsProductionClientProtocol
from job import Job, measured

logging.disable()


async def main(job: Job) -> None:
    APNsProductionClientProtocol.APNS_SERVER = job.host
    APNsProductionClientProtocol.APNS_PORT = job.port
    context = ssl.create_default_context(cafile=job.ca)
    context.set_alpn_protocols(["h2"])
    client = APNs(
        key=job.key_pem, key_id=job.key_id, team_id=job.team_id, topic=job.topic, ssl_context=context, max_connections=1
    )
    slots = asyncio.Semaphore(job.in_flight)

    async def send(token: str) -> bool:
        async with slots:
            push = NotificationRequest(token, job.payload, priority=5, push_type=PushType.BACKGROUND)
            return (await client.send_notification(push)).is_successful

    async def send_all(tokens: list[str]) -> int:
        return sum(await asyncio.gather(*(send(token) for token in tokens)))

    # The first alone: aioapns assumes 1,000 streams before it has read the SETTINGS.
    await send(job.tokens(1)[0])
    await measured(job, send_all)


if __name__ == "__main__":
    asyncio.run(main(Job.read(sys.argv[1])))
