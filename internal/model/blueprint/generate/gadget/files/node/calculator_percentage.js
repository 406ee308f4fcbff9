// The percentage calculator: three questions about two numbers.
import { exact, fields, Invalid, plain } from "./exact.js";

const DIGITS = 12; // significant ones that are shown

// Answer {"question", "a", "b"} with {"result", "exact"}.
//
// "of": what is a % of b; "share": how many % of b is a; "change": by how many %
// does a change when it becomes b.
export function calculate(data) {
  const { question } = data;
  if (!["of", "share", "change"].includes(question)) throw new Invalid({ question: "Choose a question." });
  const { a, b } = fields(data, { a: { label: "the first number" }, b: { label: "the second number" } });
  let value;
  if (question === "of") {
    value = a.times(b).over(100);
  } else if (question === "share") {
    if (b.isZero) throw new Invalid({ b: "Nothing is a share of zero: enter another number." });
    value = a.times(100).over(b);
  } else {
    if (a.isZero) throw new Invalid({ a: "A change from zero has no percentage: enter another number." });
    value = b.minus(a).times(100).over(a.abs());
  }
  return { result: plain(value, DIGITS), exact: exact(value, DIGITS) };
}
