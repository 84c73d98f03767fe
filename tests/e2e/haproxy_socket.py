# SPDX-License-Identifier: Apache-2.0
# HAProxy configurations with a runtime socket, run by weir and by HAProxy itself, and a peer that asks there.
import socket

from support import binary


def head(path, level="admin"):
    """What such a configuration begins with; sections follow."""
    return f"""
global
    stats socket {path} mode 600 level {level}
    nbthread 2
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 2s
"""


def program_of(which):
    return binary.subject("haproxy") if which == "weir" else binary.anchor("haproxy")


def ask(path, *lines, end=b""):
    """What the peer of one connection reads until its end."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(5)
        peer.connect(str(path))
        peer.sendall("".join(line + "\n" for line in lines).encode() + end)
        got = b""
        while piece := peer.recv(65536):
            got += piece
        return got.decode()
