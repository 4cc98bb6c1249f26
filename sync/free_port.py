"""A port for a listener that is told to others before it listens."""

import errno
import random
import socket
from typing import Final

FIRST: Final = 20_000
LAST: Final = 32_767
"""Below those that Linux gives to outgoing connections (`net.ipv4.ip_local_port_range`: 32768 to 60999): none of
them takes it before the listener does."""


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port of `host` that nobody uses now.

    Raises:
        OSError: `host` is no address of this machine.
    """
    while True:
        port = random.SystemRandom().randint(FIRST, LAST)
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                return port
