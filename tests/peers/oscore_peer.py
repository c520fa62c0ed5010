"""aiocoap with OSCORE at both ends (RFC 8613), as a server or as a client.

oscore_peer.py serve PORT
oscore_peer.py HOST PORT SOURCE NUMBER [report]

The server has resources of all sizes that matter to an address that has proved nothing, `/time` that can be observed,
and `/report` that says how often it was POSTed. The client works from the address SOURCE, and checks every answer;
the last line counts them. Told to `report`, it begins with that. What it shares with the server, as client NUMBER of
16, is made up here, and whoever shares nothing gets nothing. A server that starts knows of no request before, so that
it asks the first of a client for an Echo of its own (RFC 8613 appendix B.1.2).
"""

import asyncio
import ipaddress
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import aiocoap
from aiocoap import Code, Message, resource
from aiocoap.credentials import CredentialsMap
from aiocoap.error import Unauthorized
from aiocoap.oscore_sitewrapper import OscoreSiteWrapper
from aiocoap.transports.oscore import OSCOREAddress

PATIENCE_S = 30
# How often an observation is begun, and for how long one is waited for that needs a second.
OBSERVATIONS = 4
OBSERVATION_S = 8
SIZES = {"small": 4, "mid": 100, "more": 304, "large": 5000}
SECRET = {"secret_hex": "f1" * 16, "salt_hex": "5e" * 8, "algorithm": "AES-CCM-16-64-128", "kdf-hashfun": "sha256"}


def content(size):
    return bytes(ord("a") + at % 23 for at in range(size))


class Fixed(resource.Resource):
    def __init__(self, size):
        super().__init__()
        self.size = size

    async def render_get(self, _request):
        return Message(payload=content(self.size))


class Time(resource.ObservableResource):
    """Changes five times a second."""

    def __init__(self):
        super().__init__()
        self.ticking = asyncio.create_task(self.tick())

    async def tick(self):
        while True:
            await asyncio.sleep(0.2)
            self.updated_state()

    async def render_get(self, _request):
        return Message(payload=b"%.1f" % time.time())


class Report(resource.Resource):
    """Counts what is POSTed, by whom, and says a lot about it."""

    def __init__(self):
        super().__init__()
        self.counts = {}

    async def render_post(self, request):
        who = request.payload
        self.counts[who] = self.counts.get(who, 0) + 1
        return Message(code=Code.CHANGED, payload=b"%d " % self.counts[who] + content(300))


def ids(client):
    """The server's and the client's, of one they share."""
    return f"a{int(client):x}", f"b{int(client):x}"


def credentials(pattern, directory, sender, recipient):
    """The credentials of one end, in a directory of its own, where its sequence numbers are kept."""
    own = SECRET | {"sender-id_hex": sender, "recipient-id_hex": recipient}
    (Path(directory) / "settings.json").write_text(json.dumps(own))
    known = CredentialsMap()
    known.load_from_dict({pattern: {"oscore": {"basedir": directory + "/"}}})
    return known


class Protected(resource.Site):
    """Nobody gets anything in plain."""

    async def render_to_pipe(self, pipe):
        if not isinstance(pipe.request.remote, OSCOREAddress):
            raise Unauthorized("not protected")
        await super().render_to_pipe(pipe)


async def serve(port, directory):
    site = Protected()
    for name, size in SIZES.items():
        site.add_resource([name], Fixed(size))
    site.add_resource(["time"], Time())
    site.add_resource(["report"], Report())
    # One pair of contexts for each client, which begin anew whenever one does.
    known = CredentialsMap()
    for client in range(16):
        own = Path(directory) / str(client)
        own.mkdir()
        known.update(credentials(f":{client}", str(own), *ids(client)))
    site = OscoreSiteWrapper(site, known)
    await aiocoap.Context.create_server_context(
        site, bind=("::", port), transports=["udp6"], server_credentials=known
    )
    print("serving", flush=True)
    await asyncio.get_running_loop().create_future()


class Client:
    """Counts the answers that were as they should be."""

    def __init__(self, context, base):
        self.context, self.base, self.count = context, base, 0

    def request(self, code, path, payload=b"", **more):
        return self.context.request(Message(code=code, uri=self.base + path, payload=payload, **more))

    async def ask(self, code, path, payload=b"", expect=Code.CONTENT):
        async with asyncio.timeout(PATIENCE_S):
            response = await self.request(code, path, payload).response
        assert response.code == expect, (code, path, response)
        self.count += 1
        return response.payload

    async def report(self, who):
        """What a server does for an address of which nothing is known, it does once."""
        said = await self.ask(Code.POST, "/report", who.encode(), expect=Code.CHANGED)
        assert said == b"1 " + content(300), said

    async def all_sizes(self):
        for name, size in SIZES.items():
            started = time.monotonic()
            assert await self.ask(Code.GET, "/" + name) == content(size)
            print(f"{name}: {(time.monotonic() - started) * 1000:.0f} ms", flush=True)

    async def notifications(self, count):
        """Observes; anew if nothing comes any more, since aiocoap 0.4.17's server loses an observation now and then by
        a mistake of its own (TypeError in pipe.py), on the loopback as well."""
        for attempt in range(OBSERVATIONS):
            try:
                return await self.observe(count)
            except TimeoutError:
                print(f"observation {attempt} ended without a word", flush=True)
        raise TimeoutError("no observation went on")

    async def observe(self, count):
        request = self.request(Code.GET, "/time", observe=0)
        async with asyncio.timeout(OBSERVATION_S):
            notifications = aiter(request.observation)
            await request.response
            for _ in range(count):
                await anext(notifications)
        request.observation.cancel()
        self.count += 1 + count


async def work(directory, host, port, source, number, *words):
    address, server = ipaddress.ip_address(source), ipaddress.ip_address(host)
    bind = source if address.version == 6 else f"::ffff:{source}"
    base = f"coap://[{host}]:{port}" if server.version == 6 else f"coap://{host}:{port}"
    context = await aiocoap.Context.create_server_context(None, bind=(bind, 0), transports=["oscore", "udp6"])
    context.client_credentials = credentials(base + "/*", directory, *ids(number)[::-1])
    client = Client(context, base)
    if "report" in words:
        await client.report(source)
    await client.all_sizes()
    await client.report(source + " again")
    await client.notifications(5)
    print(f"arrived: {client.count}", flush=True)


with tempfile.TemporaryDirectory() as directory:
    if sys.argv[1] == "serve":
        asyncio.run(serve(int(sys.argv[2]), directory))
    else:
        asyncio.run(work(directory, sys.argv[1], int(sys.argv[2]), *sys.argv[3:]))
# Without writing down sequence numbers for which there is no place any more.
os._exit(0)
