"""aiocoap's client over a wire that loses datagrams, with the example server of libcoap.

aiocoap_lossy.py HOST PORT SOURCE SOURCE SOURCE LARGE LEN

From the first address SOURCE it does what is small, from the second it downloads the resource LARGE of LEN bytes, from
the third it uploads as much, to /store/aiocoap-large-v4 or -v6; all at the same time. Of each thing it does, a line says what came of it:

    NAME done|failed MILLISECONDS [WHY]
"""

import asyncio
import sys
import time

from aiocoap import Code
from aiocoap_peer import LARGE, Client

PATIENCE_S = 45
ROUNDS = 3
NOTIFICATIONS = 8
# What is sent again may find done what it asks for.
CHANGED = (Code.CREATED, Code.CHANGED)
DELETED = (Code.DELETED, Code.NOT_FOUND)


class Worker:
    def __init__(self, client, name):
        self.client, self.name = client, name
        self.client.patience_s = PATIENCE_S

    async def tried(self, what, doing):
        started = time.monotonic()
        try:
            await doing
            outcome, why = "done", ""
        except Exception as error:  # whatever it is, it is told
            outcome, why = "failed", repr(error)
        took_ms = (time.monotonic() - started) * 1000
        print(f"{what} {outcome} {took_ms:.0f} {why}", flush=True)

    async def ask(self, code, path, payload=b"", among=(Code.CONTENT,)):
        async with asyncio.timeout(PATIENCE_S):
            response = await self.client.request(code, path, payload).response
        assert response.code in among, response
        return response.payload

    async def reads(self, path, expect):
        payload = await self.ask(Code.GET, path)
        assert payload == expect, payload[:64]

    async def small(self):
        path = f"/store/aiocoap-{self.name}"
        await self.tried("first", self.ask(Code.GET, "/example_data"))
        for _ in range(ROUNDS):
            await self.tried("put", self.ask(Code.PUT, path, b"21.5", CHANGED))
            await self.tried("get", self.reads(path, b"21.5"))
            await self.tried("post", self.ask(Code.POST, path, b"22", CHANGED))
            await self.tried("get-changed", self.reads(path, b"22"))
            await self.tried("delete", self.ask(Code.DELETE, path, among=DELETED))
            await self.tried("separate", self.reads("/async?2", b"done"))
        await self.tried("observe", self.client.notifications(NOTIFICATIONS))

    async def download(self, path, body):
        await self.tried("first-download", self.ask(Code.GET, "/example_data"))
        await self.tried("download", self.reads(path, body))

    async def upload(self, body):
        path = f"/store/aiocoap-large-{self.name}"
        await self.tried("upload", self.ask(Code.PUT, path, body, CHANGED))


async def work(host, port, *sources, large, length):
    body = LARGE[:length]
    small, download, upload = [
        Worker(await Client.start(host, port, source), f"v{6 if ':' in source else 4}") for source in sources
    ]
    await asyncio.gather(small.small(), download.download(large, body), upload.upload(body))


asyncio.run(work(sys.argv[1], int(sys.argv[2]), *sys.argv[3:-2], large=sys.argv[-2], length=int(sys.argv[-1])))
