// The stopwatch's page.
import { clock } from "./clock.js";
import { load, save } from "./saved.js";
import { create, elapsed, isRunning, lap, lapTimes, start, stop } from "./stopwatch.js";

const KEY = "stopwatch";

const find = (id) => document.getElementById(id);
let watch = load(KEY, create());
let frame;

function set(next) {
  watch = next;
  save(KEY, watch);
  renderLaps();
  render();
}

function render() {
  find("clock").textContent = clock(elapsed(watch, Date.now()));
  find("toggle").textContent = isRunning(watch) ? "Stop" : watch.before > 0 ? "Go on" : "Start";
  find("lap").disabled = !isRunning(watch);
  cancelAnimationFrame(frame);
  if (isRunning(watch)) frame = requestAnimationFrame(render);
}

function renderLaps() {
  const times = lapTimes(watch);
  const rows = times.map((time, i) => row([String(i + 1), clock(time), clock(watch.laps[i])]));
  find("laps").replaceChildren(...rows.reverse());
  document.querySelector(".laps").hidden = rows.length === 0;
}

function row(texts) {
  const tr = document.createElement("tr");
  tr.append(...texts.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
  return tr;
}

const actions = {
  toggle() {
    set(isRunning(watch) ? stop(watch, Date.now()) : start(watch, Date.now()));
    find("status").textContent = isRunning(watch) ? "Running" : `Stopped at ${clock(watch.before)}`;
  },
  lap() {
    if (!isRunning(watch)) return;
    set(lap(watch, Date.now()));
    find("status").textContent = `Lap ${watch.laps.length}: ${clock(lapTimes(watch).at(-1))}`;
  },
  reset() {
    set(create());
    find("status").textContent = "Back to zero";
  },
};
const KEYS = { " ": "toggle", l: "lap", r: "reset" };

for (const [name, action] of Object.entries(actions)) find(name).addEventListener("click", action);

document.addEventListener("keydown", (event) => {
  const name = KEYS[event.key.toLowerCase()];
  const presses = event.target.closest("button") && event.key === " ";
  if (!name || presses || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  actions[name]();
});

renderLaps();
render();
