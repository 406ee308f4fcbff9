// The pomodoro timer's page.
import { arm, ring } from "./bell.js";
import { clock } from "./clock.js";
import { advance, create, isRunning, pause, remaining, reset, skip, start } from "./pomodoro.js";
import { load, save } from "./saved.js";

const MINUTE = 60_000;
const NAMES = { focus: "Focus", rest: "Break" };
const ENDS = { focus: "Time for a break.", rest: "The break is over." };

const find = (id) => document.getElementById(id);
const { minutes, break: rest } = document.querySelector(".timer").dataset;
const lengths = { focus: minutes * MINUTE, rest: rest * MINUTE };
const KEY = `pomodoro-${minutes}-${rest}`;
const title = document.title;
let timer = load(KEY, create(lengths));

function set(next) {
  timer = next;
  save(KEY, timer);
  render();
}

function look() {
  const { timer: next, ended } = advance(timer, Date.now(), today(), lengths);
  if (next !== timer) set(next);
  else render();
  if (!ended) return;
  find("status").textContent = ENDS[ended];
  document.title = `${ENDS[ended]} · ${title}`;
  ring();
}

function render() {
  const left = remaining(timer, Date.now());
  const text = clock(left);
  if (find("clock").textContent !== text) find("clock").textContent = text;
  find("phase").textContent = NAMES[timer.phase];
  find("hand").style.strokeDashoffset = 1 - left / lengths[timer.phase];
  find("toggle").textContent = isRunning(timer) ? "Pause" : left < lengths[timer.phase] ? "Go on" : "Start";
  find("sessions").textContent = timer.sessions;
  document.querySelector(".timer").classList.toggle("rest", timer.phase === "rest");
  if (isRunning(timer)) document.title = `${text} ${NAMES[timer.phase]} · ${title}`;
}

function today() {
  const now = new Date();
  return [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
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
    set(reset(timer, lengths));
  },
  skip() {
    find("status").textContent = "";
    document.title = title;
    set(skip(timer, lengths));
  },
};
const KEYS = { " ": "toggle", r: "reset", s: "skip" };

for (const [name, action] of Object.entries(actions)) find(name).addEventListener("click", action);

document.addEventListener("keydown", (event) => {
  const name = KEYS[event.key.toLowerCase()];
  const presses = event.target.closest("button") && event.key === " ";
  if (!name || presses || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  actions[name]();
});

new Worker("/ticker.js").addEventListener("message", look);
look();
