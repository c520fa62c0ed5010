"""Multipath TCP at both ends, MQTT within.

`multipath_peer.py serve PORT` stands before the broker at port 1883 of the address that it is reached at.
`multipath_peer.py HOST PORT` is paho-mqtt at work by way of it: every message arrives, and both ends say whether
their connection has more paths than one to go by. It fails where the kernel has no Multipath TCP.
"""

import queue
import socket
import sys
import threading

import paho.mqtt.client as mqtt

MESSAGES = 200
PATIENCE_S = 20
# linux/in.h, linux/socket.h and linux/mptcp.h; Python doesn't name them.
IPPROTO_MPTCP, SOL_MPTCP, MPTCP_INFO = 262, 284, 1
# Of struct mptcp_info: where its flags are, and the one of a connection that has fallen back.
FLAGS, FALLBACK = slice(8, 12), 1


def enable():
    """In this network namespace alone."""
    with open("/proc/sys/net/mptcp/enabled", "w") as switch:
        switch.write("1")


def is_multipath(connection):
    try:
        info = connection.getsockopt(SOL_MPTCP, MPTCP_INFO, 64)
    except OSError:
        # To one that has fallen back, the kernel gives the answers of TCP.
        return False
    return not int.from_bytes(info[FLAGS], sys.byteorder) & FALLBACK


def relay(source, sink):
    while piece := source.recv(65536):
        sink.sendall(piece)
    sink.shutdown(socket.SHUT_WR)


def serve(port):
    listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, IPPROTO_MPTCP)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("::", port))
    listener.listen()
    print("serving", flush=True)
    while True:
        device, _ = listener.accept()
        print(f"multipath: {int(is_multipath(device))}", flush=True)
        host = device.getsockname()[0].removeprefix("::ffff:")
        broker = socket.create_connection((host, 1883))
        for ends in [(device, broker), (broker, device)]:
            threading.Thread(target=relay, args=ends, daemon=True).start()


class Client(mqtt.Client):
    def _create_socket_connection(self):
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM, IPPROTO_MPTCP)
        connection.settimeout(PATIENCE_S)
        connection.connect((self._host, self._port))
        return connection


def work(host, port):
    received, subscribed = queue.Queue(), threading.Event()
    client = Client(mqtt.CallbackAPIVersion.VERSION2, "multipath")
    client.on_connect = lambda *_: client.subscribe("multipath", 1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = lambda _client, _userdata, message: received.put(message.payload)
    client.connect(host, port)
    client.loop_start()
    assert subscribed.wait(PATIENCE_S), "no SUBACK"
    sent = [b"reading %d" % number * 100 for number in range(MESSAGES)]
    for payload in sent:
        client.publish("multipath", payload, 1)
    assert [received.get(timeout=PATIENCE_S) for _ in sent] == sent
    print(f"multipath: {int(is_multipath(client.socket()))}")
    client.disconnect()
    client.loop_stop()
    print(f"arrived: {MESSAGES}")


enable()
if sys.argv[1] == "serve":
    serve(int(sys.argv[2]))
else:
    work(sys.argv[1], int(sys.argv[2]))
