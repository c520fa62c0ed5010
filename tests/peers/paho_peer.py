"""paho-mqtt at work, in threads: paho_peer.py HOST VERSION, with VERSION 3.1, 3.1.1 or 5.0.

Each scenario checks that every message arrives; the last line counts them. A third argument asks for one of
those that aren't among the others: `babble` publishes without end, until it is killed; `backlog` and `hurry` are
below.
"""

import queue
import subprocess
import sys
import threading
import time

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

HOST, VERSION = sys.argv[1], sys.argv[2]
PROTOCOL = {"3.1": mqtt.MQTTv31, "3.1.1": mqtt.MQTTv311, "5.0": mqtt.MQTTv5}[VERSION]
V5 = PROTOCOL == mqtt.MQTTv5
ROOT = f"paho/{VERSION}"
PATIENCE_S = 20


def properties(packet, **values):
    """MQTT 5.0 properties of a packet; None before that, where there are none."""
    if not V5:
        return None
    made = Properties(packet)
    for name, value in values.items():
        setattr(made, name, value)
    return made


class Device:
    """One client, connected, with what it received in a queue."""

    def __init__(self, name, clean=True, keepalive=60, will=None, connect=None, in_flight=20):
        self.received = queue.Queue()
        self.connected, self.subscribed = threading.Event(), threading.Event()
        self.connects, self.session_present, self.session = 0, None, None
        # Without a client id of its own for the nameless: the server assigns one.
        kept = {} if V5 else {"clean_session": clean}
        name = name and f"paho-{VERSION}-{name}"
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, name, protocol=PROTOCOL, **kept)
        self.client.on_connect = self.on_connect
        self.client.on_message = lambda _client, _userdata, message: self.received.put(message)
        self.client.on_subscribe = lambda *_: self.subscribed.set()
        self.client.reconnect_delay_set(1, 1)
        self.client.max_inflight_messages_set(in_flight)
        if will:
            self.client.will_set(f"{ROOT}/{will}", "gone", qos=1, retain=True)
        more = {}
        if V5:
            more = {"clean_start": clean, "properties": connect}
        self.client.connect(HOST, 1883, keepalive, **more)
        self.client.loop_start()
        assert self.connected.wait(PATIENCE_S), f"{name}: no CONNACK"

    def on_connect(self, _client, _userdata, flags, reason_code, granted):
        assert not reason_code.is_failure, reason_code
        self.connects += 1
        self.session_present, self.granted = flags.session_present, granted
        self.connected.set()

    def subscribe(self, topic, qos, **options):
        self.subscribed.clear()
        if V5:
            self.client.subscribe(topic, options=SubscribeOptions(qos=qos, **options))
        else:
            self.client.subscribe(topic, qos)
        assert self.subscribed.wait(PATIENCE_S), f"{topic}: no SUBACK"

    def publish(self, topic, payload, qos, retain=False, **values):
        given = properties(PacketTypes.PUBLISH, **values) if values else None
        # An empty topic is one that an alias stands for.
        return self.client.publish(topic and f"{ROOT}/{topic}", payload, qos, retain, properties=given)

    def publish_all(self, topic, payloads, qos):
        for sent in [self.publish(topic, payload, qos) for payload in payloads]:
            sent.wait_for_publish(PATIENCE_S)
            assert sent.is_published(), topic

    def take(self, count):
        """The payloads of the next `count` messages."""
        return [self.received.get(timeout=PATIENCE_S).payload for _ in range(count)]

    def leave(self):
        self.client.disconnect()
        self.client.loop_stop()

    def vanish(self):
        """Ends the connection without a DISCONNECT, and doesn't come back."""
        self.client.loop_stop()
        self.client.socket().close()


def numbered(count):
    return [b"reading %d" % number for number in range(count)]


def every_qos_both_ways():
    for qos in (0, 1, 2):
        device = Device(f"qos{qos}")
        device.subscribe(f"{ROOT}/qos/{qos}", qos)
        device.publish_all(f"qos/{qos}", numbered(150), qos)
        assert device.take(150) == numbered(150), qos
        device.client.unsubscribe(f"{ROOT}/qos/{qos}")
        device.leave()
    return 450


def retained():
    device = Device("retainer")
    device.publish("state", b"on", 1, retain=True).wait_for_publish(PATIENCE_S)
    late = Device("late")
    late.subscribe(f"{ROOT}/state", 1)
    assert late.take(1) == [b"on"]
    device.publish("state", b"", 1, retain=True).wait_for_publish(PATIENCE_S)
    assert late.take(1) == [b""]
    device.leave()
    late.leave()
    return 2


def wills():
    heir = Device("heir")
    heir.subscribe(f"{ROOT}/will", 1)
    testator = Device("testator", will="will")
    testator.publish("before", b"alive", 1).wait_for_publish(PATIENCE_S)
    testator.vanish()
    assert heir.take(1) == [b"gone"]
    heir.publish("will", b"", 1, retain=True).wait_for_publish(PATIENCE_S)
    heir.leave()
    return 2


def sessions_resume():
    kept = properties(PacketTypes.CONNECT, SessionExpiryInterval=300)
    device = Device("sleeper", clean=True, connect=kept)
    if not V5:
        device.leave()
        device = Device("sleeper", clean=False)
    device.subscribe(f"{ROOT}/sleep/#", 2)
    device.leave()
    other = Device("waker")
    other.publish_all("sleep/1", numbered(30), 1)
    other.publish_all("sleep/2", numbered(30), 2)
    device = Device("sleeper", clean=False, connect=kept)
    # The flag came with MQTT 3.1.1.
    assert VERSION == "3.1" or device.session_present
    assert sorted(device.take(60)) == sorted(numbered(30) * 2)
    device.leave()
    other.leave()
    Device("sleeper", clean=True).leave()
    return 60


def large_payloads():
    device = Device("large")
    payload = bytes(range(256)) * 4096
    device.subscribe(f"{ROOT}/large", 2)
    for qos in (0, 1, 2):
        device.publish_all("large", [payload], qos)
        assert device.take(1) == [payload], qos
    device.leave()
    return 3


def idle_connections_are_kept():
    device = Device("idle", keepalive=1)
    time.sleep(4)
    device.subscribe(f"{ROOT}/idle", 1)
    device.publish_all("idle", [b"still here"], 1)
    assert device.take(1) == [b"still here"] and device.connects == 1
    device.leave()
    return 1


def connections_come_back():
    kept = properties(PacketTypes.CONNECT, SessionExpiryInterval=300)
    device = Device("comeback", clean=False, connect=kept)
    device.subscribe(f"{ROOT}/comeback", 1)
    for number in range(3):
        device.connected.clear()
        sent = [device.publish("comeback", payload, 1) for payload in numbered(20)]
        device.client.socket().shutdown(2)
        assert device.connected.wait(PATIENCE_S)
        for one in sent:
            one.wait_for_publish(PATIENCE_S)
        # At least once: what was under way may come twice.
        missing = set(numbered(20))
        while missing:
            missing.discard(device.received.get(timeout=PATIENCE_S).payload)
        while not device.received.empty():
            device.received.get()
    device.leave()
    return 60


def many_short_connections():
    counter = Device("counter")
    counter.subscribe(f"{ROOT}/short", 1)
    for number in range(60):
        device = Device(f"short{number % 7}")
        device.publish_all("short", [b"x"], number % 3)
        device.leave()
    counter.take(60)
    counter.leave()
    return 60


def killed_midway():
    for _ in range(5):
        babbler = subprocess.Popen([sys.executable, __file__, HOST, VERSION, "babble"], stdout=subprocess.PIPE)
        assert babbler.stdout.readline() == b"babbling\n"
        time.sleep(0.05)
        babbler.kill()
        babbler.wait()
    return 0


def babble():
    device = Device("babbler")
    device.subscribe(f"{ROOT}/babble", 2)
    print("babbling", flush=True)
    while True:
        device.publish("babble", b"x" * 300, 2).wait_for_publish(PATIENCE_S)


def nameless():
    devices = [Device("") for _ in range(3)]
    devices[0].subscribe(f"{ROOT}/nameless", 1)
    devices[1].publish_all("nameless", [b"x"], 1)
    assert devices[0].take(1) == [b"x"]
    for device in devices:
        device.leave()
    return 1


def aliases_and_user_properties():
    device = Device("alias", connect=properties(PacketTypes.CONNECT, TopicAliasMaximum=5))
    assert device.granted.TopicAliasMaximum >= 1
    device.subscribe(f"{ROOT}/alias/#", 2)
    for number, qos in enumerate((0, 1, 2) * 4):
        values = {"UserProperty": [("unit", "°C"), ("n", str(number))], "ContentType": "text/plain"}
        values |= {"ResponseTopic": f"{ROOT}/answer", "CorrelationData": b"\x00\xff", "MessageExpiryInterval": 60}
        values |= {"PayloadFormatIndicator": 1, "TopicAlias": 1 + number % 2}
        sent = device.publish(f"alias/{number % 2}" if number < 2 else "", b"21.5", qos, **values)
        sent.wait_for_publish(PATIENCE_S)
        message = device.received.get(timeout=PATIENCE_S)
        assert ("n", str(number)) in message.properties.UserProperty
    device.leave()
    return 12


def shared_subscriptions():
    members = [Device(f"member{number}") for number in range(3)]
    for member in members:
        member.subscribe(f"$share/crew/{ROOT}/jobs", 1)
    boss = Device("boss")
    boss.publish_all("jobs", numbered(60), 1)
    deadline = time.monotonic() + PATIENCE_S
    while sum(member.received.qsize() for member in members) < 60:
        assert time.monotonic() < deadline, "jobs got lost"
        time.sleep(0.02)
    for device in [*members, boss]:
        device.leave()
    return 60


def small_receive_maximum():
    """One by one, so that the broker never has more under way than it may."""
    narrow = Device("narrow", connect=properties(PacketTypes.CONNECT, ReceiveMaximum=2, MaximumPacketSize=4096))
    narrow.subscribe(f"{ROOT}/narrow", 2, noLocal=False)
    other = Device("wide")
    for payload in numbered(30):
        other.publish_all("narrow", [payload], 2)
        assert narrow.take(1) == [payload]
    narrow.leave()
    other.leave()
    return 30


def backlog():
    """A backlog larger than the Receive Maximum; not among the others, since Mosquitto sends more at a time."""
    kept = properties(PacketTypes.CONNECT, ReceiveMaximum=2, SessionExpiryInterval=300)
    narrow = Device("backlog", connect=kept)
    narrow.subscribe(f"{ROOT}/backlog", 1)
    narrow.leave()
    other = Device("wide")
    other.publish_all("backlog", numbered(40), 1)
    narrow = Device("backlog", clean=False, connect=kept)
    assert narrow.take(40) == numbered(40)
    narrow.leave()
    other.leave()
    return 40


def hurry():
    """More in flight than the server takes, as this client has it by default where a server takes few; not among
    the others, since it breaks a clause."""
    device, other = Device("hurry", in_flight=200), Device("watch")
    other.subscribe(f"{ROOT}/hurry", 1)
    device.publish_all("hurry", numbered(1000), 1)
    assert other.take(1000) == numbered(1000)
    assert device.connects == 1, f"{device.connects} connects"
    device.leave()
    other.leave()
    return 1000


SCENARIOS = [every_qos_both_ways, retained, wills, sessions_resume, large_payloads, idle_connections_are_kept,
             connections_come_back, many_short_connections, killed_midway]
if VERSION != "3.1":
    SCENARIOS += [nameless]
if V5:
    SCENARIOS += [aliases_and_user_properties, shared_subscriptions, small_receive_maximum]

if len(sys.argv) > 3:
    SCENARIOS = [{"babble": babble, "backlog": backlog, "hurry": hurry}[sys.argv[3]]]
total = 0
for scenario in SCENARIOS:
    count = scenario()
    print(f"{scenario.__name__}: {count}", flush=True)
    total += count
print(f"arrived: {total}")
