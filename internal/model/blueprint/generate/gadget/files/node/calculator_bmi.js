// The body mass index of adults, with the World Health Organization's classes.
import { fields, fixed, Fraction, Invalid, rounded } from "./exact.js";

// What a unit of height is in metres and a unit of weight in kilograms.
const UNITS = {
  metric: { metre: "0.01", kilogram: "1", height: [50, 272], weight: [10, 650] },
  imperial: { metre: "0.0254", kilogram: "0.45359237", height: [20, 107], weight: [22, 1433] },
};

// The index from which a class begins.
const CLASSES = [
  ["40", "obesity class III"],
  ["35", "obesity class II"],
  ["30", "obesity class I"],
  ["25", "overweight"],
  ["18.5", "normal weight"],
  ["0", "underweight"],
];

// Answer {"units", "height", "weight"} with the index, its class and the normal weights.
// Metric is centimetres and kilograms, imperial inches and pounds.
export function calculate(data) {
  const { units: name = "metric" } = data;
  if (typeof name !== "string" || !Object.hasOwn(UNITS, name)) throw new Invalid({ units: "Choose metric or imperial." });
  const units = UNITS[name];
  const { height, weight } = fields(data, {
    height: { label: "the height", least: units.height[0], most: units.height[1] },
    weight: { label: "the weight", least: units.weight[0], most: units.weight[1] },
  });
  const square = height.times(units.metre).power(2);
  const index = rounded(weight.times(units.kilogram).over(square), 1);
  const weightAt = (limit) => fixed(Fraction.of(limit).times(square).over(units.kilogram), 1);
  return {
    index: fixed(index, 1),
    class: CLASSES.find(([least]) => index.compare(least) >= 0)[1],
    normal_from: weightAt("18.5"),
    normal_to: weightAt("24.9"),
  };
}
