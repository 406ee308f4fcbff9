"""The tip calculator: what to leave, and what each person pays."""

from fractions import Fraction
from math import ceil

from exact import Invalid, fields, fixed, plain, rounded

ROUNDING = ("none", "person", "total")


def calculate(data):
    """Answer {"bill", "percent", "people", "rounding"} with the tip, the total and each share.

    Rounding "person" raises each share to a whole amount, "total" the total;
    what is added by it goes to the tip. A share is never below its part of the
    total, so the shares always cover it.
    """
    given = fields(
        data,
        bill={"label": "the bill", "above": 0, "most": 1_000_000_000},
        percent={"label": "the tip", "least": 0, "most": 100},
        people={"label": "the number of people", "least": 1, "most": 1000, "whole": True},
    )
    rounding = data.get("rounding", "none")
    if rounding not in ROUNDING:
        raise Invalid(rounding="Choose how to round.")
    bill, people = rounded(given["bill"], 2), int(given["people"])
    if bill == 0:
        raise Invalid(bill="The bill has to be at least 0.01.")
    total = bill + rounded(bill * given["percent"] / 100, 2)
    if rounding == "total":
        total = Fraction(ceil(total))
    each = cents_up(total / people)
    if rounding == "person":
        each = Fraction(ceil(total / people))
        total = each * people
    return {
        "bill": fixed(bill),
        "tip": fixed(total - bill),
        "tip_percent": plain(rounded((total - bill) * 100 / bill, 1)),
        "total": fixed(total),
        "each": fixed(each),
        "over": fixed(each * people - total),
    }


def cents_up(amount):
    return Fraction(ceil(amount * 100), 100)
