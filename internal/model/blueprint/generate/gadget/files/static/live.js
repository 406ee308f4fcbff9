// A form that shows its results while it is filled in.
import { ask, Refusal } from "./ask.js";

const PAUSE = 150; // milliseconds without typing before the server is asked

// Ask /api/<path> whenever the form changes and is filled in, and hand the answer
// to show.
//
// A field's problem appears below it (in [data-error=<name>]) once the field was
// visited; other problems appear in the form's .problem. While there is a problem
// show gets null. Returns a function that asks at once.
export function live(form, path, show) {
  const visited = new Set();
  let timer;
  let request = new AbortController();

  async function update() {
    clearTimeout(timer);
    request.abort();
    request = new AbortController();
    const { signal } = request;
    const gaps = unfinished(form);
    if (Object.keys(gaps).length > 0) {
      tell(form, gaps, visited, "");
      show(null);
      return;
    }
    try {
      const answer = await ask(path, Object.fromEntries(new FormData(form)), { signal });
      tell(form, {}, visited, "");
      show(answer);
    } catch (problem) {
      if (signal.aborted) return;
      const isRefusal = problem instanceof Refusal;
      tell(form, isRefusal ? problem.errors : {}, visited, isRefusal ? "" : problem.message);
      show(null);
    }
  }

  form.addEventListener("input", (event) => {
    if (event.target.value !== "") visited.add(event.target.name);
    clearTimeout(timer);
    timer = setTimeout(update, PAUSE);
  });
  form.addEventListener("focusout", (event) => {
    if (!event.target.name || visited.has(event.target.name) || !form.contains(event.relatedTarget)) return;
    visited.add(event.target.name);
    update();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    for (const control of form.elements) visited.add(control.name);
    update().then(() => form.querySelector("[aria-invalid=true]")?.focus());
  });
  update();
  return update;
}

// The fields that are empty, or that end in a separator as in "48.": there is
// nothing to ask the server about yet.
function unfinished(form) {
  const gaps = {};
  for (const [name, value] of new FormData(form)) {
    if (value.trim() === "") gaps[name] = "Fill this in.";
    else if (/[.,]$/.test(value)) gaps[name] = "";
  }
  return gaps;
}

function tell(form, errors, visited, problem) {
  for (const place of form.querySelectorAll("[data-error]")) {
    const name = place.dataset.error;
    const message = (visited.has(name) && errors[name]) || "";
    if (place.textContent !== message) place.textContent = message;
    for (const control of form.querySelectorAll(`[name="${name}"]`)) {
      control.setAttribute("aria-invalid", String(message !== ""));
    }
  }
  form.querySelector(".problem").textContent = problem;
}
