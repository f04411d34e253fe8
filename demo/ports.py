"""TCP ports on the loopback address."""

import socket
import time

HOST = "127.0.0.1"


def free_port() -> int:
    """A port that nothing listens on right now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def try_port(port: int) -> None:
    """Raise OSError unless a server could listen on `port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))


def is_answering(port: int) -> bool:
    """Whether something accepts connections on `port`."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def wait_for_port(port: int, *, seconds: float) -> bool:
    """Wait until something answers on `port`; False when nothing does within `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_answering(port):
            return True
        time.sleep(0.05)
    return False
