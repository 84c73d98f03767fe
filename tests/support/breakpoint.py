# SPDX-License-Identifier: Apache-2.0
"""Breakpoint: lets a test stop a process just where it enters a function, by ptrace(2)."""
import ctypes
import os
import platform
import signal
import subprocess
import time

PEEK, POKE, CONTINUE, ATTACH = 1, 4, 7, 16
WALL = 0x40000000
TRAP = 0xCC   # int3

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


class NotThere(Exception):
    """No such function in the program, or no way to stop there."""


def address_of(program, function):
    """Where the mangled name lies in the file; -1: the compiler has put it into its callers, or it was stripped."""
    listed = subprocess.run(["nm", program], capture_output=True, text=True, check=False).stdout
    return next((int(line.split()[0], 16) for line in listed.splitlines() if line.endswith(f" {function}")), -1)


def load_address(process, program):
    with open(f"/proc/{process}/maps", encoding="ascii") as maps:
        return next(int(line.split("-")[0], 16) for line in maps if line.rstrip().endswith(program))


class Breakpoint:
    """All calls come from one thread: the one that made it."""

    def __init__(self, process, functions):
        program = os.path.realpath(f"/proc/{process}/exe")
        found = [place for place in (address_of(program, name) for name in functions) if place >= 0]
        if platform.machine() != "x86_64" or not found:
            raise NotThere
        self.process = process
        self.call(ATTACH, 0)
        os.waitpid(process, WALL)
        at = load_address(process, program) + found[0]
        word = self.call(PEEK, at) & (2**64 - 1)
        self.call(POKE, at, word & ~0xFF | TRAP)
        self.call(CONTINUE, 0)

    def call(self, what, address, value=0):
        ctypes.set_errno(0)
        result = libc.ptrace(what, self.process, address, value)
        if ctypes.get_errno() != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return result

    def kill(self):
        """Ends the process; only then does its parent hear of it."""
        os.kill(self.process, signal.SIGKILL)
        while not os.WIFSIGNALED(os.waitpid(self.process, WALL)[1]):
            pass

    def wait(self, seconds):
        """True: the process stands there. It is to be killed then."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            seen, status = os.waitpid(self.process, WALL | os.WNOHANG)
            if seen and os.WIFSTOPPED(status):
                if os.WSTOPSIG(status) == signal.SIGTRAP:
                    return True
                self.call(CONTINUE, 0, os.WSTOPSIG(status))
            time.sleep(0.01)
        return False
