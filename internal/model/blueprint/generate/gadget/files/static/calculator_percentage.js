// The percentage calculator's page: each question is a form of its own.
import { live } from "./live.js";
import { pretty } from "./number.js";

for (const form of document.querySelectorAll("form")) {
  const question = form.elements.question.value;
  const output = form.querySelector(".answer");
  live(form, "calculate", (answer) => {
    output.textContent = answer ? sentence(question, answer) : "–";
  });
}

function sentence(question, { result, exact }) {
  const about = exact ? "" : "≈ ";
  if (question === "of") return about + pretty(result);
  if (question === "share") return `${about}${pretty(result)}%`;
  if (result === "0") return "No change";
  return result.startsWith("-") ? `${about}${pretty(result.slice(1))}% less` : `${about}${pretty(result)}% more`;
}
