# SPDX-License-Identifier: Apache-2.0
"""One sample: one program, one case, once. A sample is a dict; "failed" says why it counts for
nothing, "cost" is what the case compares."""

import os
import subprocess
import time

import processes
import programs
import traffic


def measure(program, case, load, bench):
    """Runs one sample; `bench` has the folder, the core, the times and what was compared."""
    folder = bench.new_folder(program, case)
    if case.kind == "check":
        return measure_check(program, case, folder, load.ports, bench)
    try:
        with programs.Running(program, case, folder, bench.servers(case, load), bench.core) as running:
            key = (program.name, case.name)
            if key not in bench.compared:
                bench.compared.add(key)
                wrong = traffic.compare_answers(case, running.port, folder)
                if wrong:
                    return {"failed": wrong}
            if case.kind == "idle":
                return measure_idle(case, running, load)
            return measure_traffic(case, running, load, bench)
    except (programs.ProgramError, OSError) as error:
        return {"failed": str(error)}


def measure_traffic(case, running, load, bench):
    """CPU of the proxy over the units of work that were done meanwhile."""
    generator = traffic.H2load(bench.load_core, bench.folder) if case.streams else bench.generator or load
    generator.run(case, running.port, bench.warm_up)
    traffic.settle()
    began = time.monotonic()
    cpu, busy = processes.cpu_seconds(running.pid), processes.core_busy_seconds(bench.core)
    user, system = processes.user_share(running.pid)
    result = generator.run(case, running.port, bench.seconds)
    traffic.settle()
    cpu = processes.cpu_seconds(running.pid) - cpu
    busy = processes.core_busy_seconds(bench.core) - busy
    user_after, system_after = processes.user_share(running.pid)
    spent = time.monotonic() - began
    if result["failures"] or not result["answers"]:
        return {"failed": f"{result['failures']} failures: {result['faults']}", **result}
    units = result["bytes"] / (1 << 20) if case.unit == "MB" else result["answers"]
    ticks = max(1, user_after - user + system_after - system)
    return {
        **result,
        "cost": cpu * 1e6 / units,
        "user_share": (user_after - user) / ticks,
        "rate": units / result["seconds"],
        "memory_kb": processes.memory_kb(running.pid),
        "busy": cpu / result["seconds"],
        # What others did on the proxy's core: they take its caches and spoil the sample.
        "others": max(0.0, busy - cpu) / spent,
    }


def measure_idle(case, running, load):
    """KB of user memory for each connection that had one answer and now waits."""
    before = processes.memory_kb(running.pid)
    held = load.hold(case, running.port)
    time.sleep(1)
    after = processes.memory_kb(running.pid)
    # All of them must still work: memory saved by closing them is no saving.
    again = load.again()
    load.drop()
    if again["failures"] or again["answers"] != 2 * case.connections:
        return {"failed": f"{again['failures']} failures: {again['faults']}"}
    return {**again, "connects": held["connects"], "cost": (after - before) / case.connections,
            "memory_kb": after}


def measure_check(program, case, folder, ports, bench):
    """CPU seconds and peak memory of one configuration test."""
    text = program.text(case, programs.free_port(), ports)
    (folder / f"{program.language}.conf").write_text(text, encoding="ascii")
    output = folder / "output"
    with open(output, "wb") as sink:
        process = subprocess.Popen(
            program.check_words(folder), stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
            preexec_fn=programs.on_core(bench.core))
        began = time.monotonic()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        said = output.read_text(encoding="utf-8", errors="replace").strip()
        return {"failed": f"exit status {process.returncode}: {said[-600:]}"}
    return {"cost": usage.ru_utime + usage.ru_stime, "seconds": time.monotonic() - began,
            "memory_kb": usage.ru_maxrss}
