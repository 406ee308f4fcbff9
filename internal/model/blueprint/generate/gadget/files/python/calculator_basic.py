"""The calculator: works out an expression as people type it, exactly."""

import re

from exact import LIMIT, Invalid, exact, parse, plain

LONGEST = 120
TOKEN = re.compile(r"\s*([\d.,]+(?:e[+-]?\d+)?|[-+*/()%])", re.IGNORECASE | re.ASCII)
TYPED = str.maketrans("×÷−:", "*/-/")


def calculate(data):
    """Answer {"expression": "2 * (3 + 4)"} with {"result": "14", "exact": true}."""
    expression = data.get("expression")
    if not isinstance(expression, str) or not expression.strip():
        raise Invalid(expression="Enter something to work out.")
    if len(expression) > LONGEST:
        raise Invalid(expression=f"That is too long: {LONGEST} characters are the most.")
    try:
        value = Parser(tokens(expression.translate(TYPED))).value()
    except ValueError as problem:
        raise Invalid(expression=str(problem)) from None
    return {"result": plain(value), "exact": exact(value)}


def tokens(text):
    found, position = [], 0
    text = text.rstrip()
    while position < len(text):
        match = TOKEN.match(text, position)
        if not match:
            raise ValueError(f"I don't know what to do with “{text[position:].strip()[0]}”.")
        found.append(match[1])
        position = match.end()
    return found


class Parser:
    """Recursive descent over the tokens, in the usual order of operations."""

    def __init__(self, found):
        self.tokens = found
        self.at = 0

    def value(self):
        result = self.sum()
        if self.peek() == ")":
            raise ValueError("There is a ) without its (.")
        if self.peek() is not None:
            raise ValueError(f"An operator is missing before {self.peek()}.")
        return result

    def sum(self):
        total, _ = self.product()
        while self.peek() in ("+", "-"):
            sign = 1 if self.take() == "+" else -1
            amount, percent = self.product()
            if percent:  # 200 + 10% is 220, as on any desk calculator
                amount *= total
            total = bounded(total + sign * amount)
        return total

    def product(self):
        """Return a product, and whether it is nothing but a percentage."""
        result, percent = self.factor()
        while self.peek() in ("*", "/"):
            operator = self.take()
            amount, _ = self.factor()
            percent = False
            if operator == "/" and amount == 0:
                raise ValueError("You can't divide by zero.")
            result = bounded(result * amount if operator == "*" else result / amount)
        return result, percent

    def factor(self):
        if self.peek() in ("+", "-"):
            sign = 1 if self.take() == "+" else -1
            amount, percent = self.factor()
            return sign * amount, percent
        result, percent = self.operand(), False
        while self.peek() == "%":
            self.take()
            result, percent = result / 100, True
        return result, percent

    def operand(self):
        token = self.take()
        if token is None:
            raise ValueError("Something is missing at the end.")
        if token == "(":
            result = self.sum()
            if self.take() != ")":
                raise ValueError("A ) is missing.")
            return result
        if token in "+-*/%)":
            raise ValueError(f"A number is missing before {token}.")
        return parse(token)

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self):
        token = self.peek()
        self.at += 1
        return token


def bounded(value):
    if abs(value) > LIMIT:
        raise ValueError("The result is too large.")
    if value and abs(value) < 1 / LIMIT:
        raise ValueError("The result is too small to tell from zero.")
    return value
