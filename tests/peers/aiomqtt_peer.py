"""aiomqtt at work, in tasks of one event loop: aiomqtt_peer.py HOST VERSION, with VERSION 3.1, 3.1.1 or 5.0.

A crowd of devices that report, are told something, and come and go; each checks that every message
arrives. The last line counts them.
"""

import asyncio
import sys

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

HOST, VERSION = sys.argv[1], sys.argv[2]
PROTOCOL = {"3.1": aiomqtt.ProtocolVersion.V31, "3.1.1": aiomqtt.ProtocolVersion.V311, "5.0": aiomqtt.ProtocolVersion.V5}[VERSION]
V5 = VERSION == "5.0"
ROOT = f"aiomqtt/{VERSION}"
DEVICES, ROUNDS = 12, 20
PATIENCE_S = 30


def client(name, **options):
    return aiomqtt.Client(HOST, 1883, identifier=f"aio-{VERSION}-{name}", protocol=PROTOCOL, **options)


async def take(device, count):
    """The payloads of the next `count` messages."""
    async with asyncio.timeout(PATIENCE_S):
        return [(await anext(device.messages)).payload for _ in range(count)]


async def device(number):
    """Reports, and is told a set point for each report."""
    qos = number % 3
    async with client(f"device{number}", will=aiomqtt.Will(f"{ROOT}/will/{number}", b"gone", 1)) as me:
        await me.subscribe(f"{ROOT}/{number}/set", qos=qos)
        for turn in range(ROUNDS):
            await me.publish(f"{ROOT}/{number}/report", b"%d" % turn, qos=qos)
            assert await take(me, 1) == [b"%d" % turn]
        await me.unsubscribe(f"{ROOT}/{number}/set")
    return ROUNDS


async def controller(ready):
    """Answers every report with a set point."""
    async with client("controller") as me:
        await me.subscribe(f"{ROOT}/+/report", qos=2)
        ready.set()
        for _ in range(DEVICES * ROUNDS):
            async with asyncio.timeout(PATIENCE_S):
                report = await anext(me.messages)
            number = str(report.topic).split("/")[-2]
            await me.publish(f"{ROOT}/{number}/set", report.payload, qos=2)
    return DEVICES * ROUNDS


async def crowd():
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(controller(ready))]
        await ready.wait()
        tasks += [group.create_task(device(number)) for number in range(DEVICES)]
    return sum(task.result() for task in tasks)


async def come_and_go():
    """Sessions that are left without a word and taken up again, three at a time."""

    async def one(name):
        options = {"clean_session": False}
        if V5:
            kept = Properties(PacketTypes.CONNECT)
            kept.SessionExpiryInterval = 300
            options = {"clean_start": False, "properties": kept}
        async with client(name, **options) as me:
            await me.subscribe(f"{ROOT}/{name}", qos=1)
        for turn in range(8):
            async with client(f"{name}-other") as other:
                await other.publish(f"{ROOT}/{name}", b"%d" % turn, qos=1)
            async with client(name, **options) as me:
                assert await take(me, 1) == [b"%d" % turn]
        return 8

    return sum(await asyncio.gather(*(one(f"visitor{number}") for number in range(3))))


async def cancelled_midway():
    """Tasks that are cancelled while they publish."""

    async def babble(number):
        async with client(f"babbler{number}") as me:
            await me.subscribe(f"{ROOT}/babble", qos=2)
            while True:
                await me.publish(f"{ROOT}/babble", b"x" * 200, qos=2)

    tasks = [asyncio.create_task(babble(number)) for number in range(4)]
    await asyncio.sleep(0.5)
    # Again, since the library loses a cancellation that meets an acknowledgement.
    while not all(task.done() for task in tasks):
        for task in tasks:
            task.cancel()
        await asyncio.sleep(0.1)
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(outcome, asyncio.CancelledError), outcome
    return 0


async def main():
    total = 0
    for scenario in (crowd, come_and_go, cancelled_midway):
        count = await scenario()
        print(f"{scenario.__name__}: {count}", flush=True)
        total += count
    print(f"arrived: {total}")


asyncio.run(main())
