# SPDX-License-Identifier: Apache-2.0
"""From samples to what a person reads: medians, ratios against the better anchor, two tables."""

from statistics import median

import programs

WEIR = ("weir-nginx", "weir-haproxy")
# A sample is quiet while others use less than this share of the proxy's core.
QUIET = 0.10
UNITS = {"traffic": "us", "idle": "KB", "check": "s"}


def summarize(samples):
    """One program and one case over all rounds; one failed sample fails the whole."""
    failed = [sample["failed"] for sample in samples if "failed" in sample]
    if failed:
        return {"failed": failed[0], "failed_rounds": len(failed)}
    quiet = [sample for sample in samples if sample.get("others", 0) < QUIET]
    # With too few of them the disturbed samples count too: better than a median of one.
    taken = quiet if 2 * len(quiet) > len(samples) else samples
    costs = [sample["cost"] for sample in taken]
    result = {"cost": median(costs), "lowest": min(costs), "highest": max(costs),
              "quiet": len(quiet), "rounds": len(samples),
              "by_round": [sample["cost"] if sample in taken else None for sample in samples]}
    for name in ("rate", "p50_us", "p99_us", "memory_kb", "busy", "others", "user_share", "seconds",
                 "reconnects", "answers"):
        values = [sample[name] for sample in taken if name in sample]
        if values:
            result[name] = median(values)
    return result


def better_anchor(rows):
    able = [name for name in programs.ANCHORS if "cost" in rows.get(name, {})]
    return min(able, key=lambda name: rows[name]["cost"]) if able else None


def ratio(case, rows, name):
    """Cost against the better anchor; for the idle case the KB themselves are what is limited.

    The median of the ratios round by round: what slowed the whole machine for a while has slowed
    both halves of a round, and drops out.
    """
    anchor = better_anchor(rows)
    row = rows.get(name, {})
    if anchor is None or "cost" not in row:
        return None
    if case.kind == "idle":
        return row["cost"]
    pairs = zip(row["by_round"], rows[anchor]["by_round"])
    shares = [mine / theirs for mine, theirs in pairs if mine is not None and theirs is not None]
    return median(shares) if shares else row["cost"] / rows[anchor]["cost"]


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def lines_up(rows, markdown=False):
    """Columns of equal width, the first to the left and the rest to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    out = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        out.append("| " + " | ".join(cells) + " |" if markdown else "  ".join(cells).rstrip())
    if markdown:
        rules = ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]]
        out.insert(1, "| " + " | ".join(rules) + " |")
    return out


def details(case, rows):
    """All that was measured of one case."""
    head = {
        "traffic": [f"us/{case.unit}", "ratio", "lowest", "highest", "user %", f"{case.unit}s/s",
                    "p99 ms", "memory MB", "core busy %", "quiet"],
        "idle": ["KB each", "", "lowest", "highest", "memory MB"],
        "check": ["CPU s", "ratio", "lowest", "highest", "memory MB"],
    }[case.kind]
    table = [[case.title] + head]
    notes = []
    for name in programs.NAMES:
        row = rows.get(name)
        if row is None:
            continue
        if "failed" in row:
            table.append([f"  {name}", "FAILED"] + [""] * (len(head) - 1))
            notes.append(f"    {name}: {row['failed']}")
            continue
        share = ratio(case, rows, name)
        cells = [number(row["cost"]), f"{share:.2f}" if share and case.kind != "idle" else "",
                 number(row["lowest"]), number(row["highest"])]
        if case.kind == "traffic":
            cells += [f"{row['user_share'] * 100:.0f}", f"{row['rate']:.0f}",
                      f"{row['p99_us'] / 1000:.2f}"]
        cells.append(f"{row['memory_kb'] / 1024:.1f}")
        if case.kind == "traffic":
            cells += [f"{row['busy'] * 100:.0f}", f"{row['quiet']}/{row['rounds']}"]
        table.append([f"  {name}"] + cells)
        if row.get("reconnects", 0) > row.get("answers", 0) / 100:
            notes.append(f"    {name}: closed {row['reconnects']:.0f} connections it could keep")
    notes += [f"    no {language} column: {why}" for language, why in case.lacks.items()]
    return lines_up(table) + notes


def verdict(case, rows):
    """Whether weir keeps the limit: ok, OVER, FAILED, or nothing without weir."""
    mine = [rows[name] for name in WEIR if name in rows]
    if any("failed" in row for row in mine):
        return "FAILED"
    shares = [share for name in WEIR if (share := ratio(case, rows, name)) is not None]
    if not shares:
        return ""
    return "ok" if max(shares) <= case.limit else "OVER"


def summary(cases, results, names):
    """The table for the README: cost per unit and ratio against the better anchor."""
    table = [["case", "unit", *names, "limit", "verdict"]]
    for case in cases:
        rows = results[case.name]
        unit = UNITS[case.kind] + "/" + case.unit
        cells = []
        for name in names:
            row = rows.get(name)
            if row is None or "failed" in row:
                cells.append("-" if row is None else "FAILED")
                continue
            share = ratio(case, rows, name) if name in WEIR and case.kind != "idle" else None
            cells.append(number(row["cost"]) + (f" ({share:.2f})" if share is not None else ""))
        limit = f"{case.limit:g} KB" if case.kind == "idle" else f"{case.limit:g}"
        table.append([case.title, unit, *cells, limit, verdict(case, rows)])
    return lines_up(table, markdown=True)
