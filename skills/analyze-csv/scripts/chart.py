#!/usr/bin/env python3
"""Draws a chart of a table as SVG: chart.py FILE --kind bar --x COLUMN --y COLUMN --out FILE.svg"""

import argparse
import math
import statistics
from html import escape

import table

WIDTH, HEIGHT = 860, 480
LEFT, RIGHT, TOP, BOTTOM = 80, 48, 64, 96
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]  # Okabe and Ito
AGGREGATES = {"sum": math.fsum, "mean": statistics.fmean, "median": statistics.median, "count": len, "min": min, "max": max}


def ticks(low, high, most=6):
    """Returns round numbers from below low to above high."""
    span = (high - low) or abs(high) or 1
    step = 10 ** math.floor(math.log10(span / most))
    step *= next(m for m in (1, 2, 5, 10) if span / (step * m) <= most)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [i * step for i in range(first, max(last, first + 1) + 1)]


def label(v):
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, None), (0, "")):
        if abs(v) >= size:
            return f"{v:,.0f}" if unit is None else f"{v / (size or 1):.4g}{unit}" if size else f"{v:.4g}"


class Chart:
    def __init__(self, title, x_name, y_name):
        self.parts = []
        self.text(WIDTH / 2, 30, title, size=18, weight="bold")
        self.text(WIDTH / 2, HEIGHT - 10, x_name, size=13)
        self.text(18, (TOP + HEIGHT - BOTTOM) / 2, y_name, size=13, turn=-90)

    def add(self, form, *values):
        self.parts.append(form.format(*(f"{v:.2f}" if isinstance(v, float) else v for v in values)))

    def text(self, x, y, content, size=12, anchor="middle", turn=0, weight="normal"):
        content = str(content) if len(str(content)) <= 90 else str(content)[:89] + "…"
        spin = f' transform="rotate({turn} {x:.2f} {y:.2f})"' if turn else ""
        self.parts.append(f'<text x="{x:.2f}" y="{y:.2f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}"{spin}>{escape(content)}</text>')

    def axis_y(self, values, zero=False):
        low, high = min(values), max(values)
        marks = ticks(min(low, 0), max(high, 0)) if zero else ticks(low, high)
        self.y_low, self.y_high = marks[0], marks[-1]
        for m in marks:
            self.add('<line x1="{}" y1="{}" x2="{}" y2="{}" stroke="#ccc"/>', float(LEFT), self.y(m), float(WIDTH - RIGHT), self.y(m))
            self.text(LEFT - 8, self.y(m) + 4, label(m), anchor="end")

    def axis_x(self, values, dates):
        low, high = min(values), max(values)
        if dates:
            self.x_low, self.x_high = low, high if high > low else low + 1
            marks = [self.x_low + (self.x_high - self.x_low) * i / 5 for i in range(6)]
            form = "%Y-%m-%d" if self.x_high - self.x_low < 730 * 86400 else "%Y-%m"
            names = [table.datetime.fromtimestamp(m, table_utc()).strftime(form) for m in marks]
        else:
            marks = ticks(low, high, 8)
            self.x_low, self.x_high, names = marks[0], marks[-1], [label(m) for m in marks]
        for m, name in zip(marks, names):
            self.text(self.x(m), HEIGHT - BOTTOM + 20, name)
            self.add('<line x1="{}" y1="{}" x2="{}" y2="{}" stroke="#666"/>', self.x(m), float(HEIGHT - BOTTOM), self.x(m), float(HEIGHT - BOTTOM + 5))

    def x(self, v):
        return LEFT + (v - self.x_low) / (self.x_high - self.x_low) * (WIDTH - LEFT - RIGHT)

    def y(self, v):
        return HEIGHT - BOTTOM - (v - self.y_low) / (self.y_high - self.y_low) * (HEIGHT - TOP - BOTTOM)

    def legend(self, names):
        x = float(LEFT)
        for i, name in enumerate(names if len(names) > 1 else []):
            self.add('<rect x="{}" y="42" width="12" height="12" fill="{}"/>', x, COLOURS[i])
            self.text(x + 17, 53, name[:24], anchor="start")
            x += 30 + 7 * len(name[:24])

    def save(self, path, title):
        svg = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" font-family="sans-serif" fill="#222">'
            f'<title>{escape(title)}</title><rect width="100%" height="100%" fill="#fff"/>' + "\n".join(self.parts) + "</svg>\n"
        )
        try:
            with open(path, "w", encoding="utf-8") as f:
                f.write(svg)
        except OSError as e:
            table.fail(f"{path} can't be written: {e.strerror}")


def table_utc():
    from datetime import timezone

    return timezone.utc


def place(cell, decimal):
    """Returns where a cell is on an axis, and whether it is a date there."""
    n = table.number(cell, decimal)
    if n is not None:
        return n, False
    d = table.date(cell)
    return (d.replace(tzinfo=table_utc()).timestamp(), True) if d else (None, False)


def pairs(a, rows, x, y):
    """Returns (x cell, y number) of the rows that have both, and how many haven't."""
    found = []
    for r in rows:
        value = 1.0 if y is None else table.number(r[y], a.decimal)
        if not table.missing(r[x]) and value is not None:
            found.append((r[x].strip(), value, r))
    return found, len(rows) - len(found)


def bar(a, rows, x, y, names):
    found, left = pairs(a, rows, x, y)
    groups = {}
    for key, value, _ in found:
        groups.setdefault(key, []).append(value)
    values = [(k, float(AGGREGATES[a.agg](v))) for k, v in groups.items()]
    if not values:
        table.fail("no row has both columns")
    if a.sort == "value":
        values.sort(key=lambda kv: -kv[1])
    else:
        values.sort(key=lambda kv: (place(kv[0], a.decimal)[0] is None, place(kv[0], a.decimal)[0] or 0, kv[0]))
    if len(values) > a.top:
        largest = sorted(values, key=lambda kv: -kv[1])[: a.top]
        rest = [kv for kv in values if kv not in largest]
        values = [kv for kv in values if kv in largest]
        if a.agg in ("sum", "count"):
            values.append((f"other ({len(rest)})", math.fsum(v for _, v in rest)))
        else:
            print(f"not drawn: {len(rest)} smaller ones")
    c = Chart(a.title, *names)
    c.axis_y([v for _, v in values], zero=True)
    step = (WIDTH - LEFT - RIGHT) / len(values)
    for i, (key, value) in enumerate(values):
        at, top, base = LEFT + i * step, c.y(max(value, 0)), c.y(min(value, 0))
        c.add('<rect x="{}" y="{}" width="{}" height="{}" fill="{}"/>', at + step * 0.1, top, step * 0.8, base - top, COLOURS[0])
        c.text(at + step / 2, (top if value >= 0 else base + 16) - 4, label(value), size=11)
        turned = any(7 * min(len(k), 16) > step for k, _ in values)
        c.text(at + step / 2, HEIGHT - BOTTOM + 16, key[:16], size=11, anchor="end" if turned else "middle", turn=-40 if turned else 0)
    return c, values, left


def line(a, rows, x, y, names, by, joined=True):
    found, left = pairs(a, rows, x, y)
    groups, dates = {}, 0
    for key, value, r in found:
        at, dated = place(key, a.decimal)
        if at is None:
            left += 1
            continue
        dates += dated
        groups.setdefault("" if by is None else r[by].strip(), []).append((at, value))
    if not groups:
        table.fail("x has to be numbers or dates here, and no row has them; use --kind bar for names")
    if len(groups) > len(COLOURS):
        table.fail(f"--by gives {len(groups)} groups, and {len(COLOURS)} can be told apart; filter the table first")
    drawn = {}
    for name, points in sorted(groups.items()):
        if joined:
            same = {}
            for at, value in points:
                same.setdefault(at, []).append(value)
            points = [(at, float(AGGREGATES[a.agg](v))) for at, v in sorted(same.items())]
        drawn[name] = points
    c = Chart(a.title, *names)
    c.axis_x([p[0] for points in drawn.values() for p in points], dates > 0)
    c.axis_y([p[1] for points in drawn.values() for p in points])
    few = not joined or all(len(points) <= 60 for points in drawn.values())
    for i, points in enumerate(drawn.values()):
        if joined:
            way = " ".join(f"{c.x(px):.2f},{c.y(py):.2f}" for px, py in points)
            c.add('<polyline points="{}" fill="none" stroke="{}" stroke-width="2.5"/>', way, COLOURS[i])
        for px, py in points if few else []:
            c.add('<circle cx="{}" cy="{}" r="3.5" fill="{}" fill-opacity="0.75"/>', c.x(px), c.y(py), COLOURS[i])
    c.legend(list(drawn))
    return c, [(f"points of {n}" if n else "points", len(p)) for n, p in drawn.items()], left


def hist(a, rows, x, names):
    values = [n for n in (table.number(r[x], a.decimal) for r in rows) if n is not None]
    if not values:
        table.fail("the column has no numbers")
    low, high = min(values), max(values)
    size = (high - low) / a.bins or 1
    counts = [0] * a.bins
    for v in values:
        counts[min(int((v - low) / size), a.bins - 1)] += 1
    c = Chart(a.title, names[0], "rows")
    c.axis_x([low, low + size * a.bins], False)
    c.axis_y(counts, zero=True)
    for i, n in enumerate(counts):
        left, right = c.x(low + i * size), c.x(low + (i + 1) * size)
        c.add('<rect x="{}" y="{}" width="{}" height="{}" fill="{}" stroke="#fff"/>', left, c.y(n), right - left, c.y(0) - c.y(n), COLOURS[0])
    return c, [(f"{label(low + i * size)} to {label(low + (i + 1) * size)}", n) for i, n in enumerate(counts)], len(rows) - len(values)


def main():
    p = argparse.ArgumentParser(description="Draws a chart of a table as SVG.")
    p.add_argument("file")
    p.add_argument("--kind", required=True, choices=["bar", "line", "scatter", "hist"])
    p.add_argument("--x", required=True)
    p.add_argument("--y")
    p.add_argument("--by")
    p.add_argument("--agg", default="sum", choices=list(AGGREGATES))
    p.add_argument("--sort", default="value", choices=["value", "x"])
    p.add_argument("--top", type=int, default=20)
    p.add_argument("--bins", type=int, default=20)
    p.add_argument("--title")
    p.add_argument("--out", default="chart.svg")
    p.add_argument("--delimiter")
    p.add_argument("--decimal", default=".", choices=[".", ","])
    a = p.parse_args()
    a.top, a.bins = max(1, min(a.top, 60)), max(1, min(a.bins, 200))
    header, rows, _ = table.read(a.file, a.delimiter)
    x = table.column(header, a.x)
    y = table.column(header, a.y) if a.y else None
    by = table.column(header, a.by) if a.by else None
    if y is None and a.kind != "hist" and a.agg != "count":
        table.fail("--y is missing; or count rows with --agg count")
    if a.kind == "scatter" and y is None:
        table.fail("--y is missing")
    y_name = "rows" if y is None else header[y] if a.kind == "scatter" else f"{a.agg} of {header[y]}"
    a.title = a.title or f"{y_name} by {header[x]}"
    names = (header[x], y_name)
    if a.kind == "bar":
        chart, drawn, left = bar(a, rows, x, y, names)
    elif a.kind == "hist":
        chart, drawn, left = hist(a, rows, x, names)
    else:
        chart, drawn, left = line(a, rows, x, y, names, by, joined=a.kind == "line")
    chart.save(a.out, a.title)
    print(f"{a.out}: {len(rows) - left} of {len(rows)} rows drawn, {left} left out")
    for key, value in drawn[:40]:
        print(f"  {key}: {value:,.6g}")


if __name__ == "__main__":
    main()
