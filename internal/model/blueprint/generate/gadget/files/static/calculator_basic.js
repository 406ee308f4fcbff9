// The calculator's keys, display and history.
import { ask } from "./ask.js";
import { pretty } from "./number.js";

const REMEMBERED = 10;
const PAUSE = 120; // milliseconds without typing before a result is shown ahead
const SIGNS = { "*": "×", x: "×", "/": "÷", "-": "−" };

const form = document.querySelector(".display");
const expression = document.querySelector("#expression");
const result = document.querySelector("#result");
const history = document.querySelector("#history");
let timer;
let latest = 0; // the newest question: answers to older ones come too late

function show(text, isProblem = false) {
  result.textContent = text || "\u00a0";
  result.classList.toggle("problem", isProblem);
}

// Show what the unfinished expression comes to so far, if it comes to anything.
async function preview() {
  const question = ++latest;
  const typed = expression.value;
  if (!/\d.*[^\d.,\s]/.test(typed)) return show("");
  try {
    const answer = await ask("calculate", { expression: typed });
    if (question === latest) show(`${answer.exact ? "=" : "≈"} ${pretty(answer.result)}`);
  } catch {
    if (question === latest) show(""); // it isn't finished: no reason to complain yet
  }
}

async function equals() {
  clearTimeout(timer);
  const question = ++latest;
  const typed = expression.value;
  try {
    const answer = await ask("calculate", { expression: typed });
    if (question !== latest) return;
    remember(typed, answer);
    expression.value = answer.result.replace("-", "−");
    show(`${answer.exact ? "=" : "≈"} ${pretty(answer.result)}`);
  } catch (problem) {
    if (question === latest) show(problem.message, true);
  }
  expression.scrollLeft = expression.scrollWidth;
}

function remember(typed, answer) {
  const entry = document.createElement("button");
  entry.type = "button";
  entry.textContent = `${typed} ${answer.exact ? "=" : "≈"} ${pretty(answer.result)}`;
  entry.addEventListener("click", () => replace(typed));
  const item = document.createElement("li");
  item.append(entry);
  history.prepend(item);
  while (history.children.length > REMEMBERED) history.lastElementChild.remove();
  history.parentElement.hidden = false;
}

function replace(text) {
  expression.value = text;
  expression.focus();
  changed();
}

function insert(key) {
  const { selectionStart: start, selectionEnd: end } = expression;
  if (expression.value.length - (end - start) >= expression.maxLength) return;
  expression.setRangeText(key, start, end, "end");
  expression.scrollLeft = expression.scrollWidth;
  changed();
}

function changed() {
  clearTimeout(timer);
  latest++;
  timer = setTimeout(preview, PAUSE);
}

const actions = {
  clear: () => replace(""),
  back() {
    const { selectionStart: start, selectionEnd: end } = expression;
    expression.setRangeText("", start === end ? Math.max(0, start - 1) : start, end, "end");
    changed();
  },
  equals,
};

document.querySelector(".keys").addEventListener("click", (event) => {
  const { key, action } = event.target.closest("button")?.dataset ?? {};
  if (key) insert(key);
  if (action) actions[action]();
});

expression.addEventListener("input", () => {
  const caret = expression.selectionStart;
  const typed = expression.value;
  expression.value = typed.replace(/=/g, "").replace(/[*x/-]/g, (sign) => SIGNS[sign]);
  expression.setSelectionRange(caret, caret);
  if (typed.includes("=")) equals();
  else changed();
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  equals();
});

// Typing works wherever the focus is.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") actions.clear();
  else if (event.target === expression) return;
  else if (event.key === "=") equals();
  else if (/^[\d.,+()%*x/-]$/.test(event.key)) insert(SIGNS[event.key] ?? event.key);
  else if (event.key === "Backspace") actions.back();
  else return;
  event.preventDefault();
});

document.querySelector("#forget").addEventListener("click", () => {
  history.replaceChildren();
  history.parentElement.hidden = true;
  expression.focus();
});
