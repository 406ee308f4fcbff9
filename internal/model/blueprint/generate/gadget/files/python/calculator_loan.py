"""The loan calculator: equal monthly payments, interest reckoned each month."""

from exact import fields, fixed, rounded


def calculate(data):
    """Answer {"amount", "rate", "years"} with the payment, the totals and the balance by year.

    rate is per year in percent, to four decimals. Each month's interest is rounded to a cent, and
    the last payment settles what is left, so the totals are what is really paid.
    """
    given = fields(
        data,
        amount={"label": "the amount", "least": 100, "most": 1_000_000_000},
        rate={"label": "the interest rate", "least": 0, "most": 100},
        years={"label": "the number of years", "least": 1, "most": 50, "whole": True},
    )
    amount, months = rounded(given["amount"], 2), int(given["years"]) * 12
    rate = rounded(given["rate"], 4) / 1200  # a month's share of the yearly percentage
    monthly = payment(amount, rate, months)
    balance, paid, schedule = amount, 0, []
    for month in range(1, months + 1):
        balance += rounded(balance * rate, 2)
        part = balance if month == months else min(monthly, balance)
        balance -= part
        paid += part
        if month % 12 == 0:
            schedule.append({"year": month // 12, "paid": fixed(paid), "balance": fixed(balance)})
    return {
        "monthly": fixed(monthly),
        "last": fixed(part),
        "months": months,
        "total": fixed(paid),
        "interest": fixed(paid - amount),
        "schedule": schedule,
    }


def payment(amount, rate, months):
    """Return the annuity's monthly payment, rounded to a cent."""
    if rate == 0:
        return rounded(amount / months, 2)
    growth = (1 + rate) ** months
    return rounded(amount * rate * growth / (growth - 1), 2)
