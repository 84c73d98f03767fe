# SPDX-License-Identifier: Apache-2.0
# What the kernel says about processes and sockets: sessions, children, memory,
# listening ports. Read from /proc, so that looking never disturbs the proxy.
import os
from pathlib import Path


def _stat(pid):
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text[text.rindex(")") + 2:].split()


def alive(pid):
    stat = _stat(pid)
    return stat is not None and stat[0] != "Z"


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def session_members(session):
    """Living processes of a session: everything a proxy started, leaked or not."""
    members = []
    for pid in pids():
        stat = _stat(pid)
        if stat and stat[0] != "Z" and int(stat[3]) == session:
            members.append(pid)
    return members


def children(parent):
    found = []
    for pid in pids():
        stat = _stat(pid)
        if stat and stat[0] != "Z" and int(stat[1]) == parent:
            found.append(pid)
    return sorted(found)


def cmdline(pid):
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ""
    return raw.replace(b"\0", b" ").decode("latin-1").strip()


def start_time(pid):
    stat = _stat(pid)
    return int(stat[19]) if stat else None


def memory_kb(pid, field="RssAnon"):
    """Private memory in KB; RssAnon leaves out file and shared mappings."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def open_files(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


def _ports(table, state):
    found = set()
    for name in (table, table + "6"):
        try:
            lines = Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            if state is None or words[3] == state:
                found.add(int(words[1].rsplit(":", 1)[1], 16))
    return found


def tcp_listening():
    return _ports("tcp", "0A")


def udp_bound():
    return _ports("udp", None)


def socket_owner(local_port, remote_port, candidates):
    """Which of the processes holds the accepted TCP socket with these ports."""
    inode = None
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if (int(words[1].rsplit(":", 1)[1], 16) == local_port
                and int(words[2].rsplit(":", 1)[1], 16) == remote_port):
            inode = f"socket:[{words[9]}]"
    for pid in candidates:
        try:
            for name in os.listdir(f"/proc/{pid}/fd"):
                try:
                    if os.readlink(f"/proc/{pid}/fd/{name}") == inode:
                        return pid
                except OSError:
                    continue
        except OSError:
            continue
    return None


def cpu_seconds(pid):
    stat = _stat(pid)
    ticks = int(stat[11]) + int(stat[12]) if stat else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def user_id(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("Uid:"):
            return int(line.split()[2])
    return None
