# SPDX-License-Identifier: Apache-2.0
# Free loopback ports for tests that run at the same time.
#
# Each test process locks one block of ports below the kernel's ephemeral range
# for as long as it lives, so neither another test process nor an outgoing
# connection can take a port between the moment it is picked and the bind.
import fcntl
import os
import socket
import tempfile
from pathlib import Path

FIRST, LAST, BLOCK = 11000, 32000, 200


class PortBlock:
    """A locked range of ports, handed out in turn and checked by a bind."""

    def __init__(self):
        folder = Path(tempfile.gettempdir()) / "weir-e2e-ports"
        folder.mkdir(exist_ok=True)
        count = (LAST - FIRST) // BLOCK
        for i in range(count):
            number = (os.getpid() + i) % count
            lock = open(folder / f"{number}.lock", "w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                continue
            self._lock = lock
            self._start = FIRST + number * BLOCK
            self._next = 0
            return
        raise RuntimeError("every block of test ports is taken")

    def take(self):
        for _ in range(BLOCK):
            port = self._start + self._next % BLOCK
            self._next += 1
            if _is_free(port, socket.SOCK_STREAM) and _is_free(port, socket.SOCK_DGRAM):
                return port
        raise RuntimeError("no free port in the block of this test process")


def _is_free(port, kind):
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


_block = None


def free_port():
    """Return a loopback port that is free for TCP and UDP."""
    global _block
    if _block is None:
        _block = PortBlock()
    return _block.take()
