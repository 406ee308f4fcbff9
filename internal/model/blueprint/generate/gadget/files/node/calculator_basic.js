// The calculator: works out an expression as people type it, exactly.
import { exact, Fraction, Invalid, LIMIT, parse, plain } from "./exact.js";

const LONGEST = 120;
const TOKEN = /\s*([\d.,]+(?:e[+-]?\d+)?|[-+*/()%])/iy;
const TYPED = { "×": "*", "÷": "/", "−": "-", ":": "/" };

// Answer {"expression": "2 * (3 + 4)"} with {"result": "14", "exact": true}.
export function calculate(data) {
  const { expression } = data;
  if (typeof expression !== "string" || expression.trim() === "") {
    throw new Invalid({ expression: "Enter something to work out." });
  }
  if (expression.length > LONGEST) {
    throw new Invalid({ expression: `That is too long: ${LONGEST} characters are the most.` });
  }
  let value;
  try {
    value = new Parser(tokens(expression.replace(/[×÷−:]/g, (sign) => TYPED[sign]))).value();
  } catch (problem) {
    throw new Invalid({ expression: problem.message });
  }
  return { result: plain(value), exact: exact(value) };
}

function tokens(typed) {
  const text = typed.trimEnd();
  const found = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const position = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) throw new Error(`I don't know what to do with “${[...text.slice(position).trim()][0]}”.`);
    found.push(match[1]);
  }
  return found;
}

// Recursive descent over the tokens, in the usual order of operations.
class Parser {
  constructor(found) {
    this.tokens = found;
    this.at = 0;
  }

  value() {
    const result = this.sum();
    if (this.peek() === ")") throw new Error("There is a ) without its (.");
    if (this.peek() !== undefined) throw new Error(`An operator is missing before ${this.peek()}.`);
    return result;
  }

  sum() {
    let total = this.product().amount;
    while (this.peek() === "+" || this.peek() === "-") {
      const operator = this.take();
      const { amount, percent } = this.product();
      const change = percent ? amount.times(total) : amount; // 200 + 10% is 220, as on any desk calculator
      total = bounded(operator === "+" ? total.plus(change) : total.minus(change));
    }
    return total;
  }

  // A product, and whether it is nothing but a percentage.
  product() {
    let { amount, percent } = this.factor();
    while (this.peek() === "*" || this.peek() === "/") {
      const operator = this.take();
      const next = this.factor().amount;
      percent = false;
      if (operator === "/" && next.isZero) throw new Error("You can't divide by zero.");
      amount = bounded(operator === "*" ? amount.times(next) : amount.over(next));
    }
    return { amount, percent };
  }

  factor() {
    if (this.peek() === "+" || this.peek() === "-") {
      const operator = this.take();
      const { amount, percent } = this.factor();
      return { amount: operator === "+" ? amount : amount.negated(), percent };
    }
    let amount = this.operand();
    let percent = false;
    while (this.peek() === "%") {
      this.take();
      amount = amount.over(100);
      percent = true;
    }
    return { amount, percent };
  }

  operand() {
    const token = this.take();
    if (token === undefined) throw new Error("Something is missing at the end.");
    if (token === "(") {
      const result = this.sum();
      if (this.take() !== ")") throw new Error("A ) is missing.");
      return result;
    }
    if ("+-*/%)".includes(token)) throw new Error(`A number is missing before ${token}.`);
    return parse(token);
  }

  peek() {
    return this.tokens[this.at];
  }

  take() {
    return this.tokens[this.at++];
  }
}

function bounded(value) {
  if (value.abs().compare(LIMIT) > 0) throw new Error("The result is too large.");
  if (!value.isZero && value.abs().compare(Fraction.of(1).over(LIMIT)) < 0) {
    throw new Error("The result is too small to tell from zero.");
  }
  return value;
}
