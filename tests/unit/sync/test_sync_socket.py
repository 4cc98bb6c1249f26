"""Sync rule 20: what waits inside the kernel cannot be overtaken, and a dead peer is noticed there too."""

import socket

from sync.mqtt import USER_TIMEOUT_MS, Broker, MqttLink
from sync.relay import NOTSENT_BYTES as RELAY_NOTSENT_BYTES

PART = 64 * 1024
"""Bytes of one part on a link of 8 Mbit/s and 60 ms."""


def test_a_connection_holds_back_less_than_one_part_and_gives_up_by_itself() -> None:
    link = MqttLink(Broker("127.0.0.1", 1, "V01", "", "V01"))
    client = link._client = link._make_client((), None)
    with socket.socket() as sock:
        link._on_socket_open(client, None, sock)
        held = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)
        assert 0 < held <= PART
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == USER_TIMEOUT_MS
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert 0 < RELAY_NOTSENT_BYTES <= PART
