// The countdown's page.
import { arm, ring } from "./bell.js";
import { clock } from "./clock.js";
import { advance, create, isRunning, parse, pause, remaining, reset, start } from "./countdown.js";
import { load, save } from "./saved.js";

const MINUTE = 60_000;

const find = (id) => document.getElementById(id);
const form = document.querySelector(".set");
const title = document.title;
const { minutes } = document.querySelector(".timer").dataset;
const KEY = `countdown-${minutes}`;
let timer = load(KEY, create(minutes * MINUTE));

function set(next) {
  timer = next;
  save(KEY, timer);
  render();
}

function look() {
  const { timer: next, ended } = advance(timer, Date.now());
  if (!ended) return render();
  set(next);
  find("status").textContent = "Time is up.";
  document.title = `Time is up · ${title}`;
  ring();
}

function render() {
  const left = remaining(timer, Date.now());
  const text = clock(left);
  if (find("clock").textContent !== text) find("clock").textContent = text;
  find("hand").style.strokeDashoffset = 1 - left / timer.length;
  const isBegun = left > 0 && left < timer.length;
  find("toggle").textContent = isRunning(timer) ? "Pause" : isBegun ? "Go on" : "Start";
  if (isRunning(timer)) document.title = `${text} · ${title}`;
}

const actions = {
  toggle() {
    arm();
    find("status").textContent = "";
    set(isRunning(timer) ? pause(timer, Date.now()) : start(timer, Date.now()));
    if (!isRunning(timer)) document.title = `Paused · ${title}`;
  },
  reset() {
    find("status").textContent = "";
    document.title = title;
    set(reset(timer));
  },
};
const KEYS = { " ": "toggle", r: "reset" };

for (const [name, action] of Object.entries(actions)) find(name).addEventListener("click", action);

document.addEventListener("keydown", (event) => {
  const name = KEYS[event.key.toLowerCase()];
  const presses = event.target.closest("button") && event.key === " ";
  if (!name || presses || event.target.closest("input") || event.repeat) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  actions[name]();
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const length = parse(form.elements.duration.value);
  const isWrong = Number.isNaN(length);
  form.elements.duration.setAttribute("aria-invalid", String(isWrong));
  find("duration-error").textContent = isWrong ? "Enter a time such as 5 or 5:30." : "";
  if (isWrong) return;
  find("status").textContent = "";
  document.title = title;
  set(create(length));
});

new Worker("/ticker.js").addEventListener("message", look);
look();
