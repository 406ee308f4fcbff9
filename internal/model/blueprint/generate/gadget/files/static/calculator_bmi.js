// The body mass index's page.
import { live } from "./live.js";

const NAMES = {
  metric: { height: "centimetres", weight: "kilograms", short: "kg", examples: ["175", "70"] },
  imperial: { height: "inches", weight: "pounds", short: "lb", examples: ["69", "154"] },
};

const form = document.querySelector("form");
const { units, height, weight } = form.elements;

live(form, "calculate", (answer) => {
  const names = NAMES[units.value];
  document.querySelector("#index").textContent = answer?.index ?? "–";
  document.querySelector("#class").textContent = answer?.class ?? "–";
  document.querySelector("#normal").textContent = answer
    ? `${answer.normal_from} to ${answer.normal_to} ${names.short}`
    : "–";
});

form.addEventListener("change", (event) => {
  if (event.target.name !== "units") return;
  const names = NAMES[units.value];
  for (const place of form.querySelectorAll("[data-unit]")) place.textContent = names[place.dataset.unit];
  [height.placeholder, weight.placeholder] = names.examples;
});
