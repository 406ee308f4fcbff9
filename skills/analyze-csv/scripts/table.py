"""Reads tables that nobody has described: finds encoding, delimiter and header."""

import csv
import re
import sys
from datetime import datetime

MISSING = {"", "na", "n/a", "nan", "null", "none", "-", "--", "?", "#n/a"}
DATES = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m", "%d.%m.%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%b-%Y")

csv.field_size_limit(10 << 20)


def fail(message):
    """Ends the program as a user's mistake."""
    sys.exit("error: " + message)


def read(path, delimiter=None):
    """Returns the header, the rows (each as long as the header), and notes on what was found."""
    try:
        with open(path, "rb") as f:
            raw = f.read()
    except OSError as e:
        fail(f"{path} can't be read: {e.strerror}")
    for encoding in ("utf-8-sig", "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "cp1252", "latin-1"):
        try:
            text = raw.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    if not text.strip():
        fail(f"{path} is empty")
    if delimiter is None:
        delimiter = guess(text)
    rows = [r for r in csv.reader(text.splitlines(keepends=True), delimiter=delimiter) if any(c.strip() for c in r)]
    notes = [f"encoding {encoding.replace('-sig', '')}", f"delimiter {delimiter!r}"]
    if has_header(rows):
        header, rows = [c.strip() or f"column {i + 1}" for i, c in enumerate(rows[0])], rows[1:]
    else:
        header = [f"column {i + 1}" for i in range(len(rows[0]))]
        notes.append("no header")
    ragged = sum(len(r) != len(header) for r in rows)
    if ragged:
        notes.append(f"{ragged} rows are longer or shorter than the header")
    return header, [(r + [""] * len(header))[: len(header)] for r in rows], notes


def guess(text):
    """Returns the delimiter that cuts the first lines most evenly into most parts."""
    lines = [line for line in text.splitlines()[:50] if line.strip()]

    def score(d):
        widths = [len(r) for r in csv.reader(lines, delimiter=d)]
        common = max(set(widths), key=widths.count) if widths else 1
        return (common > 1) * widths.count(common) / max(len(widths), 1), common

    return max(",;\t|", key=score)


def has_header(rows):
    """A header has a text in every column, each once, where some column below has numbers or dates."""
    first = [c.strip() for c in rows[0]]
    if any(number(c) is not None or date(c) for c in first) or len(set(first)) < len(first):
        return False
    return len(rows) > 1


def number(cell, decimal="."):
    """Returns a cell's number, or None. Thousands, a currency and a percent sign are understood."""
    s = cell.strip().replace("\u00a0", "").replace(" ", "").strip("$€£%")
    s = s.replace(".", "").replace(",", ".") if decimal == "," else re.sub(r"(?<=\d),(?=\d{3}(\D|$))", "", s)
    if not re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", s):
        return None
    return float(s)


def date(cell):
    """Returns a cell's date, or None."""
    s = cell.strip()
    if not 6 <= len(s) <= 24:
        return None
    for form in DATES:
        try:
            return datetime.strptime(s, form)
        except ValueError:
            continue
    return None


def missing(cell):
    return cell.strip().lower() in MISSING


def column(header, name):
    """Returns the index of a column that is named, or numbered from 1."""
    if name in header:
        return header.index(name)
    lower = [h.lower() for h in header]
    if name.lower() in lower:
        return lower.index(name.lower())
    if name.isdigit() and 1 <= int(name) <= len(header):
        return int(name) - 1
    fail(f"there is no column {name!r}; the columns are: " + ", ".join(header))
