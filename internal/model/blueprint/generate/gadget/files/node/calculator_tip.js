// The tip calculator: what to leave, and what each person pays.
import { fields, fixed, Fraction, Invalid, plain, rounded } from "./exact.js";

const ROUNDING = ["none", "person", "total"];

// Answer {"bill", "percent", "people", "rounding"} with the tip, the total and each share.
//
// Rounding "person" raises each share to a whole amount, "total" the total; what
// is added by it goes to the tip. A share is never below its part of the total,
// so the shares always cover it.
export function calculate(data) {
  const given = fields(data, {
    bill: { label: "the bill", above: 0, most: 1_000_000_000 },
    percent: { label: "the tip", least: 0, most: 100 },
    people: { label: "the number of people", least: 1, most: 1000, whole: true },
  });
  const { rounding = "none" } = data;
  if (!ROUNDING.includes(rounding)) throw new Invalid({ rounding: "Choose how to round." });
  const { percent, people } = given;
  const bill = rounded(given.bill, 2);
  if (bill.isZero) throw new Invalid({ bill: "The bill has to be at least 0.01." });

  let total = bill.plus(rounded(bill.times(percent).over(100), 2));
  if (rounding === "total") total = new Fraction(total.ceil());
  let each = centsUp(total.over(people));
  if (rounding === "person") {
    each = new Fraction(total.over(people).ceil());
    total = each.times(people);
  }
  const tip = total.minus(bill);
  return {
    bill: fixed(bill),
    tip: fixed(tip),
    tip_percent: plain(rounded(tip.times(100).over(bill), 1)),
    total: fixed(total),
    each: fixed(each),
    over: fixed(each.times(people).minus(total)),
  };
}

function centsUp(amount) {
  return new Fraction(amount.times(100).ceil(), 100n);
}
