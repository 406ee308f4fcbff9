// The loan calculator: equal monthly payments, interest reckoned each month.
import { fields, fixed, Fraction, rounded } from "./exact.js";

// Answer {"amount", "rate", "years"} with the payment, the totals and the balance by year.
//
// rate is per year in percent, to four decimals. Each month's interest is rounded
// to a cent, and the last payment settles what is left, so the totals are what is
// really paid.
export function calculate(data) {
  const given = fields(data, {
    amount: { label: "the amount", least: 100, most: 1_000_000_000 },
    rate: { label: "the interest rate", least: 0, most: 100 },
    years: { label: "the number of years", least: 1, most: 50, whole: true },
  });
  const amount = rounded(given.amount, 2);
  const months = Number(given.years.whole()) * 12;
  const rate = rounded(given.rate, 4).over(1200); // a month's share of the yearly percentage
  const monthly = payment(amount, rate, months);

  let balance = amount;
  let paid = new Fraction(0n);
  let part = monthly;
  const schedule = [];
  for (let month = 1; month <= months; month++) {
    balance = balance.plus(rounded(balance.times(rate), 2));
    part = month === months || balance.compare(monthly) < 0 ? balance : monthly;
    balance = balance.minus(part);
    paid = paid.plus(part);
    if (month % 12 === 0) schedule.push({ year: month / 12, paid: fixed(paid), balance: fixed(balance) });
  }
  return {
    monthly: fixed(monthly),
    last: fixed(part),
    months,
    total: fixed(paid),
    interest: fixed(paid.minus(amount)),
    schedule,
  };
}

// The annuity's monthly payment, rounded to a cent.
function payment(amount, rate, months) {
  if (rate.isZero) return rounded(amount.over(months), 2);
  const growth = rate.plus(1).power(months);
  return rounded(amount.times(rate).times(growth).over(growth.minus(1)), 2);
}
