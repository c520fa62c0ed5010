"""What the servers of aiocoap have in common."""

import asyncio
import time
from socket import IPPROTO_IP, IPPROTO_IPV6

import aiocoap
from aiocoap import Code, Message, resource
from aiocoap.util.socknumbers import IP_RECVERR, IPV6_RECVERR


def content(size):
    return bytes(ord("a") + at % 23 for at in range(size))


class Fixed(resource.Resource):
    def __init__(self, size):
        super().__init__()
        self.size = size

    async def render_get(self, _request):
        return Message(payload=content(self.size))


class Time(resource.ObservableResource):
    """Changes every so often."""

    def __init__(self, period_s):
        super().__init__()
        self.ticking = asyncio.create_task(self.tick(period_s))

    async def tick(self, period_s):
        while True:
            await asyncio.sleep(period_s)
            self.updated_state()

    async def render_get(self, _request):
        return Message(payload=b"%.1f" % time.time())


class Report(resource.Resource):
    """Counts what is POSTed, by its query and payload, and says a lot about it."""

    def __init__(self):
        super().__init__()
        self.counts = {}

    async def render_post(self, request):
        who = (request.opt.uri_query, request.payload)
        self.counts[who] = self.counts.get(who, 0) + 1
        return Message(code=Code.CHANGED, payload=b"%d " % self.counts[who] + content(300))


def add_resources(site, resources):
    for path, what in resources.items():
        site.add_resource(path.split("/"), what)


async def serve(site, port, **more):
    context = await aiocoap.Context.create_server_context(site, bind=("::", port), transports=["udp6"], **more)
    mind_no_errors(context)
    print("serving", flush=True)
    await asyncio.get_running_loop().create_future()


def mind_no_errors(context):
    """A client that is gone costs no other its observation. aiocoap 0.4.17 takes what the kernel says of the one (port
    unreachable), at the next message it sends, for a failure of that message, and forgets whom it goes to."""
    for interface in context.request_interfaces:
        while not hasattr(interface, "message_interface"):
            interface = interface.token_interface
        socket = interface.message_interface.transport.get_extra_info("socket")
        socket.setsockopt(IPPROTO_IPV6, IPV6_RECVERR, 0)
        socket.setsockopt(IPPROTO_IP, IP_RECVERR, 0)
