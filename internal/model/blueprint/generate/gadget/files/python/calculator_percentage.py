"""The percentage calculator: three questions about two numbers."""

from exact import Invalid, exact, fields, plain

DIGITS = 12  # significant ones that are shown


def calculate(data):
    """Answer {"question", "a", "b"} with {"result", "exact"}.

    "of": what is a % of b; "share": how many % of b is a; "change": by how many
    % does a change when it becomes b.
    """
    question = data.get("question")
    if question not in ("of", "share", "change"):
        raise Invalid(question="Choose a question.")
    given = fields(data, a={"label": "the first number"}, b={"label": "the second number"})
    a, b = given["a"], given["b"]
    if question == "of":
        value = a * b / 100
    elif question == "share":
        if b == 0:
            raise Invalid(b="Nothing is a share of zero: enter another number.")
        value = a * 100 / b
    else:
        if a == 0:
            raise Invalid(a="A change from zero has no percentage: enter another number.")
        value = (b - a) * 100 / abs(a)
    return {"result": plain(value, DIGITS), "exact": exact(value, DIGITS)}
