# SPDX-License-Identifier: Apache-2.0
"""What a proxy costs: CPU time and memory of a process and everything below it, from /proc."""

import os
import time

TICK = 1.0 / os.sysconf("SC_CLK_TCK")


def stat_fields(pid):
    """Fields of /proc/PID/stat from the state on (index 0), or None when the process is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None


def tree(root):
    """The process and all its descendants."""
    children = {}
    for name in os.listdir("/proc"):
        fields = stat_fields(name) if name.isdigit() else None
        if fields:
            children.setdefault(int(fields[1]), []).append(int(name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def cpu_seconds(root):
    """CPU time used so far by the tree, also by descendants that ended and were waited for.

    The process CPU clock is the scheduler's own nanosecond sum over all threads (what schedstat
    shows), up to date at the moment of the call; utime and stime count in ticks of 10 ms. Only what
    ended processes used has to come from ticks, and a measurement rarely has any.
    """
    total = 0.0
    for pid in tree(root):
        fields = stat_fields(pid)
        try:
            # The clock id that clock_getcpuclockid(3) gives for a process.
            total += time.clock_gettime((~pid << 3) | 2)
        except OSError:
            continue
        if fields:
            total += (int(fields[13]) + int(fields[14])) * TICK
    return total


def user_share(root):
    """(user, system) ticks of the tree: good enough to say how the time divides."""
    rows = [fields for fields in map(stat_fields, tree(root)) if fields]
    return sum(int(row[11]) for row in rows), sum(int(row[12]) for row in rows)


def memory_kb(root, names=("Pss_Anon", "Pss_Shmem")):
    """User memory of the tree that no file backs; a page that several share counts once."""
    total = 0
    for pid in tree(root):
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                rows = dict(line.split(":", 1) for line in file if ":" in line.partition(" ")[0])
        except OSError:
            continue
        total += sum(int(rows[name].split()[0]) for name in names if name in rows)
    return total


def core_busy_seconds(core):
    """Busy time of one core: all that ran there, whoever it belonged to."""
    with open("/proc/stat", encoding="ascii") as file:
        for line in file:
            words = line.split()
            if words[0] == f"cpu{core}":
                user, nice, system, _idle, _wait, irq, softirq = map(int, words[1:8])
                return (user + nice + system + irq + softirq) * TICK
    return 0.0
