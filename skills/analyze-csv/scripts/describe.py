#!/usr/bin/env python3
"""Prints what is in each column of a table: describe.py FILE [--delimiter D] [--decimal ,]"""

import argparse
import statistics
from collections import Counter

import table


def short(value):
    value = " ".join(str(value).split())
    return value if len(value) <= 30 else value[:29] + "…"


def figure(x):
    if x == int(x):
        return f"{x:,.0f}"
    return f"{x:.4g}" if abs(x) < 1000 else f"{x:,.2f}"


def describe(name, cells, decimal):
    full = [c.strip() for c in cells if not table.missing(c)]
    gone = len(cells) - len(full)
    counts = Counter(full)
    numbers = [n for n in (table.number(c, decimal) for c in full) if n is not None]
    dates = [d for d in map(table.date, full) if d]
    lines = []
    if full and len(dates) > 0.95 * len(full):
        kind = "date"
        lines.append(f"from {min(dates):%Y-%m-%d} to {max(dates):%Y-%m-%d}")
    elif full and len(numbers) > 0.95 * len(full):
        kind = "number"
        q = statistics.quantiles(numbers, n=4) if len(numbers) > 1 else numbers * 3
        lines.append(
            f"min {figure(min(numbers))}, quartiles {figure(q[0])} / {figure(q[1])} / {figure(q[2])}, max {figure(max(numbers))}, "
            f"mean {figure(statistics.fmean(numbers))}, sum {figure(sum(numbers))}"
        )
        spread = q[2] - q[0]
        far = sum(n < q[0] - 3 * spread or n > q[2] + 3 * spread for n in numbers) if spread else 0
        if far:
            lines.append(f"! {far} far outside the quartiles")
        if len(numbers) < len(full):
            odd = [c for c in full if table.number(c, decimal) is None]
            lines.append(f"! {len(full) - len(numbers)} aren't numbers, as {short(odd[0])!r}")
        if any(len(c) > 1 and c[0] == "0" and c.isdigit() for c in full):
            lines.append("! leading zeros: it may be a code, not a number")
    else:
        kind = "text"
        if numbers and len(numbers) > 0.2 * len(full):
            lines.append(f"! {len(numbers)} of {len(full)} are numbers")
    if full and (kind == "text" or len(counts) <= 12):
        lines.append("most frequent: " + ", ".join(f"{short(v)} ({n})" for v, n in counts.most_common(6)))
    missing = f", {gone} missing ({100 * gone / len(cells):.0f} %)" if gone else ""
    unique = ", all different" if len(counts) == len(full) > 1 else f", {len(counts)} distinct"
    print(f"\n{name}: {kind}{unique}{missing}")
    for line in lines:
        print("  " + line)


def main():
    p = argparse.ArgumentParser(description="Prints what is in each column of a table.")
    p.add_argument("file")
    p.add_argument("--delimiter")
    p.add_argument("--decimal", default=".", choices=[".", ","])
    a = p.parse_args()
    header, rows, notes = table.read(a.file, a.delimiter)
    print(f"{a.file}: {len(rows)} rows, {len(header)} columns; " + ", ".join(notes))
    twice = len(rows) - len(set(map(tuple, rows)))
    if twice:
        print(f"! {twice} rows are there more than once")
    for i, name in enumerate(header[:200]):
        describe(name, [r[i] for r in rows] or [""], a.decimal)


if __name__ == "__main__":
    main()
