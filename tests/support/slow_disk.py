# SPDX-License-Identifier: Apache-2.0
"""SlowDisk: a file system in memory that answers when it is told to. The kernel has it by its FUSE protocol
(linux/fuse.h), so what waits for it waits in system calls, as for a disk or a server of files that is slow.
"""
import ctypes
import errno
import itertools
import os
import stat
import struct
import threading
import time

LOOKUP, FORGET, GETATTR, SETATTR, MKDIR, UNLINK, RMDIR, RENAME = 1, 2, 3, 4, 9, 10, 11, 12
OPEN, READ, WRITE, STATFS, RELEASE, FLUSH, INIT, OPENDIR = 14, 15, 16, 17, 18, 25, 26, 27
READDIR, RELEASEDIR, CREATE, INTERRUPT, DESTROY, BATCH_FORGET, RENAME2 = 28, 29, 35, 36, 38, 42, 45
SILENT = {FORGET, BATCH_FORGET, INTERRUPT, DESTROY}   # nobody waits for an answer to these

REQUEST = struct.Struct("<IIQQIIIHH")   # length, operation, number, node, ...
ANSWER = struct.Struct("<IiQ")
ATTRIBUTES = struct.Struct("<QQQQQQIIIIIIIIII")
ROOT = 1
MOST = 1 << 17
MNT_DETACH = 2

libc = ctypes.CDLL(None, use_errno=True)


class Node:
    def __init__(self, number, mode):
        self.number, self.mode = number, mode
        self.data, self.children = bytearray(), {}

    def is_folder(self):
        return stat.S_ISDIR(self.mode)

    def attributes(self):
        size = len(self.data)
        return ATTRIBUTES.pack(self.number, size, (size + 511) // 512, 0, 0, 0, 0, 0, 0,
                               self.mode, 1, 0, 0, 0, 4096, 0)


class Refused(Exception):
    def __init__(self, number):
        super().__init__(os.strerror(number))
        self.number = number


class SlowDisk:
    """Mounted at `folder` until close(). `delay`: seconds that each operation takes. hold() makes all of them
    (or those named) wait for release()."""

    def __init__(self, folder):
        self.folder, self.delay = str(folder), 0.0
        self.nodes = {ROOT: Node(ROOT, stat.S_IFDIR | 0o777)}
        self.numbers = itertools.count(ROOT + 1)
        self.held, self.may_go = set(), threading.Event()
        self.may_go.set()
        self.waiting = 0
        self.link = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self.link},rootmode=40777,user_id=0,group_id=0,allow_other"
        if libc.mount(b"weir-test", self.folder.encode(), b"fuse", 0, options.encode()) != 0:
            number = ctypes.get_errno()
            os.close(self.link)
            raise OSError(number, os.strerror(number))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def hold(self, *operations):
        self.held = set(operations)
        self.may_go.clear()

    def release(self):
        self.may_go.set()

    def close(self):
        self.release()
        libc.umount2(self.folder.encode(), MNT_DETACH)
        os.close(self.link)
        self.thread.join(5)

    def files(self):
        return sorted(name for node in self.nodes.values() for name, child in node.children.items()
                      if not child.is_folder())

    # --- the protocol ---

    def serve(self):
        while True:
            try:
                message = os.read(self.link, MOST + 65536)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.EAGAIN, errno.ENOENT):
                    continue
                return   # unmounted
            _, operation, number, node, *_ = REQUEST.unpack_from(message)
            if operation in SILENT:
                continue
            self.pause(operation)
            try:
                code, body = 0, self.answer(operation, node, message[REQUEST.size:])
            except Refused as refused:
                code, body = -refused.number, b""
            try:
                os.write(self.link, ANSWER.pack(ANSWER.size + len(body), code, number) + body)
            except OSError as error:
                if error.errno != errno.ENOENT:   # who asked no longer waits
                    return

    def pause(self, operation):
        if operation in (INIT, RELEASE, RELEASEDIR):
            return
        if not self.may_go.is_set() and (not self.held or operation in self.held):
            self.waiting += 1
            self.may_go.wait()
            self.waiting -= 1
        if self.delay:
            time.sleep(self.delay)

    def answer(self, operation, number, body):
        if operation == INIT:
            return struct.pack("<IIIIHHIIHHI7I", 7, 31, 65536, 0, 16, 12, MOST, 1, 32, 0, 0, *[0] * 7)
        node = self.nodes.get(number)
        if node is None:
            raise Refused(errno.ESTALE)
        action = {LOOKUP: self.look_up, GETATTR: self.get_attributes, SETATTR: self.set_attributes,
                  MKDIR: self.make_folder, UNLINK: self.unlink, RMDIR: self.unlink, RENAME: self.rename,
                  RENAME2: self.rename_with_flags, OPEN: self.open, OPENDIR: self.open, READ: self.read,
                  WRITE: self.write, READDIR: self.read_folder, CREATE: self.create, STATFS: self.tell_space,
                  RELEASE: self.nothing, RELEASEDIR: self.nothing}.get(operation)
        if action is None:
            raise Refused(errno.ENOSYS)
        return action(node, body)

    @staticmethod
    def name_of(body):
        return body.split(b"\0", 1)[0].decode()

    @staticmethod
    def entry(node):
        # Nothing is valid for any time: the kernel asks for every part of every path again.
        return struct.pack("<QQQQII", node.number, 0, 0, 0, 0, 0) + node.attributes()

    def add(self, folder, name, mode):
        if name in folder.children:
            raise Refused(errno.EEXIST)
        node = Node(next(self.numbers), mode)
        self.nodes[node.number] = folder.children[name] = node
        return node

    def look_up(self, folder, body):
        child = folder.children.get(self.name_of(body))
        if child is None:
            raise Refused(errno.ENOENT)
        return self.entry(child)

    def get_attributes(self, node, _):
        return struct.pack("<QII", 0, 0, 0) + node.attributes()

    def set_attributes(self, node, body):
        valid, _, _, size = struct.unpack_from("<IIQQ", body)
        if valid & 8:
            del node.data[size:]
            node.data.extend(bytes(size - len(node.data)))
        return self.get_attributes(node, body)

    def make_folder(self, folder, body):
        return self.entry(self.add(folder, self.name_of(body[8:]), stat.S_IFDIR | 0o777))

    def create(self, folder, body):
        node = self.add(folder, self.name_of(body[16:]), stat.S_IFREG | 0o666)
        return self.entry(node) + self.open(node, body)

    def unlink(self, folder, body):
        if folder.children.pop(self.name_of(body), None) is None:
            raise Refused(errno.ENOENT)
        return b""

    def rename(self, folder, body, names_at=8):
        target, = struct.unpack_from("<Q", body)
        old, new = (name.decode() for name in body[names_at:].split(b"\0")[:2])
        self.nodes[target].children[new] = folder.children.pop(old)
        return b""

    def rename_with_flags(self, folder, body):
        return self.rename(folder, body, names_at=16)

    @staticmethod
    def open(_, __):
        return struct.pack("<QII", 0, 0, 0)

    @staticmethod
    def read(node, body):
        _, offset, size = struct.unpack_from("<QQI", body)
        return bytes(node.data[offset:offset + size])

    @staticmethod
    def write(node, body):
        _, offset, size = struct.unpack_from("<QQI", body)
        node.data.extend(bytes(max(offset - len(node.data), 0)))
        node.data[offset:offset + size] = body[40:40 + size]
        return struct.pack("<II", size, 0)

    @staticmethod
    def read_folder(folder, body):
        _, offset, size = struct.unpack_from("<QQI", body)
        out = b""
        for place, (name, child) in enumerate(list(folder.children.items())[offset:], offset + 1):
            text = name.encode()
            one = struct.pack("<QQII", child.number, place, len(text), child.mode >> 12) + text
            one += bytes(-len(one) % 8)
            if len(out) + len(one) > size:
                break
            out += one
        return out

    @staticmethod
    def tell_space(_, __):
        return struct.pack("<QQQQQIIII6I", 1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20, 4096, 255, 4096, 0, *[0] * 6)

    @staticmethod
    def nothing(_, __):
        return b""
