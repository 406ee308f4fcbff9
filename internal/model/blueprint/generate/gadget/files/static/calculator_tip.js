// The tip calculator's page.
import { live } from "./live.js";
import { pretty } from "./number.js";

const form = document.querySelector("form");
const { percent, people } = form.elements;

const update = live(form, "calculate", (answer) => {
  for (const place of form.querySelectorAll("[data-result]")) {
    place.textContent = answer ? pretty(answer[place.dataset.result]) : "–";
  }
  const differs = answer && answer.tip_percent !== percent.value.trim();
  document.querySelector("#tip-percent").textContent = differs ? `(${answer.tip_percent}%)` : "";
  document.querySelector("#over").textContent =
    answer && answer.over !== "0.00" ? `Together that is ${answer.over} more than the total.` : "";
});

for (const preset of form.querySelectorAll("[data-percent]")) {
  preset.addEventListener("click", () => {
    percent.value = preset.dataset.percent;
    update();
  });
}

for (const step of form.querySelectorAll("[data-step]")) {
  step.addEventListener("click", () => {
    people.value = Math.max(1, (Number.parseInt(people.value, 10) || 0) + Number(step.dataset.step));
    update();
  });
}
