"""aiocoap at work, as a server or as a client.

aiocoap_peer.py serve PORT
aiocoap_peer.py HOST PORT SOURCE [report] [LARGE]
aiocoap_peer.py HOST PORT SOURCE only LARGE

The server has what libcoap's example server has: whatever is PUT or POSTed, `/time` that can be observed, `/async` that
answers late, `/example_data` of 1500 bytes, `/large`, `/report` that says how often it was POSTed by that query, and
`/.well-known/core`. The client works from the address SOURCE with any server that has these, and checks every answer;
the last line counts them. It uploads something large, and gets it back; of a server that can't take that, it gets the
resource LARGE; told `only` that, it does nothing else. First of all it asks for more than goes to an address that has proved nothing; told to `report`, by a
POST.
"""

import asyncio
import ipaddress
import sys
import time

import aiocoap
from aiocoap import Code, Message, error, resource
from aiocoap_server import Fixed, Report, Time, add_resources, content, serve

PATIENCE_S = 30
# Larger than a message, and than a block.
LARGE = content(64 * 1024)


class Store(resource.Resource, resource.PathCapable):
    """What was PUT or POSTed, by its path."""

    def __init__(self):
        super().__init__()
        self.kept = {}

    async def render_put(self, request):
        is_new = request.opt.uri_path not in self.kept
        self.kept[request.opt.uri_path] = request.payload
        return Message(code=Code.CREATED if is_new else Code.CHANGED)

    render_post = render_put

    async def render_get(self, request):
        if request.opt.uri_path not in self.kept:
            raise error.NotFound
        return Message(payload=self.kept[request.opt.uri_path])

    async def render_delete(self, request):
        self.kept.pop(request.opt.uri_path, None)
        return Message(code=Code.DELETED)


class Async(resource.Resource):
    """Answers after as many seconds as the query says."""

    async def render_get(self, request):
        await asyncio.sleep(float(request.opt.uri_query[0]))
        return Message(payload=b"done")


class Late(resource.Resource):
    """Answers after as many seconds as the query says: how often it was POSTed to, at length."""

    def __init__(self):
        super().__init__()
        self.posted = 0

    async def render_get(self, request):
        await asyncio.sleep(float(request.opt.uri_query[0]))
        return Message(payload=f"{self.posted:01000}".encode())

    async def render_post(self, request):
        self.posted += 1
        answer = await self.render_get(request)
        return Message(code=Code.CHANGED, payload=answer.payload)


def site():
    has = resource.Site()
    links = resource.WKCResource(has.get_resources_as_linkheader)
    resources = {
        ".well-known/core": links,
        "time": Time(0.05),
        "async": Async(),
        "late": Late(),
        "example_data": Fixed(1500),
        "large": Fixed(len(LARGE)),
        "store": Store(),
        "report": Report(),
    }
    add_resources(has, resources)
    return has


async def serve_at(port):
    await serve(site(), port)


class Client:
    """Counts the answers that were as they should be."""

    def __init__(self, context, host, port):
        is_v6 = ipaddress.ip_address(host).version == 6
        self.context, self.base = context, f"coap://[{host}]:{port}" if is_v6 else f"coap://{host}:{port}"
        self.count = 0
        self.patience_s = PATIENCE_S

    @classmethod
    async def start(cls, host, port, source):
        address = ipaddress.ip_address(source)
        bind = source if address.version == 6 else f"::ffff:{source}"
        context = await aiocoap.Context.create_server_context(None, bind=(bind, 0), transports=["udp6"])
        return cls(context, host, port)

    def request(self, code, path, payload=b"", **more):
        message = Message(code=code, uri=self.base + path, payload=payload, **more)
        return self.context.request(message)

    async def ask(self, code, path, payload=b"", expect=Code.CONTENT, **more):
        async with asyncio.timeout(self.patience_s):
            response = await self.request(code, path, payload, **more).response
        assert response.code == expect, (code, path, response)
        self.count += 1
        return response.payload

    async def first_contact(self):
        """More than three times the request, before anything is known of this address."""
        started = time.monotonic()
        assert len(await self.ask(Code.GET, "/example_data")) == 1500
        took_ms = (time.monotonic() - started) * 1000
        print(f"first answer: {took_ms:.0f} ms", flush=True)
        assert b"</time>" in await self.ask(Code.GET, "/.well-known/core")

    async def report(self):
        """What a server does for an address of which nothing is known, it does once."""
        said = await self.ask(Code.POST, "/report?aiocoap", b"now", expect=Code.CHANGED)
        assert said == b"1 " + LARGE[:300], said

    async def life_of_a_resource(self):
        path = "/store/aiocoap"
        await self.ask(Code.PUT, path, b"21.5", expect=Code.CREATED)
        assert await self.ask(Code.GET, path) == b"21.5"
        await self.ask(Code.POST, path, b"22", expect=Code.CHANGED)
        assert await self.ask(Code.GET, path, transport_tuning=aiocoap.Unreliable) == b"22"
        await self.ask(Code.DELETE, path, expect=Code.DELETED)
        await self.ask(Code.GET, path, expect=Code.NOT_FOUND)

    async def late_answers(self):
        assert (await self.ask(Code.GET, "/async?1")) == b"done"

    async def ask_together(self, count):
        """More than RFC 7252 §4.7 advises, of all sizes, without waiting for the answers."""
        paths = ["/time", "/example_data", "/late?0", "/.well-known/core"]
        await asyncio.gather(*(self.ask(Code.GET, paths[number % len(paths)]) for number in range(count)))

    async def download(self, path):
        assert await self.ask(Code.GET, path) == LARGE

    async def upload_and_download(self):
        path = "/store/aiocoap-large"
        await self.ask(Code.PUT, path, LARGE, expect=Code.CREATED)
        await self.download(path)
        await self.ask(Code.DELETE, path, expect=Code.DELETED)

    async def notifications(self, count):
        request = self.request(Code.GET, "/time", observe=0)
        async with asyncio.timeout(self.patience_s):
            await request.response
            notifications = aiter(request.observation)
            for _ in range(count):
                await anext(notifications)
        request.observation.cancel()
        self.count += 1 + count


async def work(host, port, source, *words):
    if words[:1] == ("together",):
        client = await Client.start(host, port, source)
        await client.ask_together(int(words[1]))
        print(f"arrived: {client.count}")
        return
    large = next((word for word in words if word not in ("only", "report")), None)
    client = await Client.start(host, port, source)
    if "report" in words:
        await client.report()
    if "only" in words:
        await client.download(large)
        print(f"arrived: {client.count}")
        return
    await client.first_contact()
    await client.life_of_a_resource()
    await client.late_answers()
    await (client.download(large) if large else client.upload_and_download())
    await client.notifications(3)
    print(f"arrived: {client.count}")


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(serve_at(int(sys.argv[2])))
    else:
        asyncio.run(work(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]))
