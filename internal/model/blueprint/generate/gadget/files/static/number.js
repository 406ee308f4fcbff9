// Numbers for people: the server sends "1234567.5" and "1.25e-10".

const RAISED = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

// Group the digits of a number by thousands, and write a power of ten as one.
export function pretty(text) {
  const [digits, exponent] = text.split("e");
  const [whole, decimals] = digits.replace("-", "−").split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, "\u202f");
  const mantissa = decimals === undefined ? grouped : `${grouped}.${decimals}`;
  if (exponent === undefined) return mantissa;
  return `${mantissa} × 10${[...exponent].map((sign) => RAISED[sign]).join("")}`;
}
