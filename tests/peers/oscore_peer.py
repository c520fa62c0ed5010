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
from aiocoap_server import Fixed, Report, Time, add_resources, content, serve

PATIENCE_S = 30
SIZES = {"small": 4, "mid": 100, "more": 304, "large": 5000}
SECRET = {"secret_hex": "f1" * 16, "salt_hex": "5e" * 8, "algorithm": "AES-CCM-16-64-128", "kdf-hashfun": "sha256"}


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


async def serve_at(port, directory):
    site = Protected()
    add_resources(site, {name: Fixed(size) for name, size in SIZES.items()})
    add_resources(site, {"time": Time(0.2), "report": Report()})
    # One pair of contexts for each client, which begin anew whenever one does.
    known = CredentialsMap()
    for client in range(16):
        own = Path(directory) / str(client)
        own.mkdir()
        known.update(credentials(f":{client}", str(own), *ids(client)))
    await serve(OscoreSiteWrapper(site, known), port, server_credentials=known)


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
        request = self.request(Code.GET, "/time", observe=0)
        async with asyncio.timeout(PATIENCE_S):
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
        asyncio.run(serve_at(int(sys.argv[2]), directory))
    else:
        asyncio.run(work(directory, sys.argv[1], int(sys.argv[2]), *sys.argv[3:]))
# Without writing down sequence numbers for which there is no place any more.
os._exit(0)
