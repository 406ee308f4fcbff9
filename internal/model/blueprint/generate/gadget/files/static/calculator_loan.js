// The loan calculator's page.
import { live } from "./live.js";
import { pretty } from "./number.js";

const form = document.querySelector("form");
const schedule = document.querySelector(".schedule");

live(form, "calculate", (answer) => {
  for (const place of form.querySelectorAll("[data-result]")) {
    place.textContent = answer ? pretty(answer[place.dataset.result]) : "–";
  }
  document.querySelector("#last").textContent = answer
    ? `${answer.months} payments at the end of each month; the last one is ${pretty(answer.last)}.`
    : "";
  schedule.hidden = !answer;
  schedule.querySelector("tbody").replaceChildren(...(answer?.schedule ?? []).map(row));
});

function row({ year, paid, balance }) {
  const tr = document.createElement("tr");
  for (const text of [String(year), pretty(paid), pretty(balance)]) {
    tr.append(Object.assign(document.createElement("td"), { textContent: text }));
  }
  return tr;
}
