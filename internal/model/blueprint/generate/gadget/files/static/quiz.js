// The quiz: a question at a time, what was right at once, the score at the end.
import { list } from "./api.js";
import { h } from "./dom.js";
import { begin, current, isOver, next, pick } from "./round.js";

const PAGE = 500;

// Show the quiz tab in root. entity is the questions'.
export async function show(root, entity) {
  const questions = (await all(entity)).map(({ question, answer, wrong }) => ({ text: question, answer, wrong: wrong ?? [] }));
  const round = begin(questions);
  if (round.questions.length === 0) {
    const missing = questions.length === 0 ? "There are no questions yet." : "The questions have no wrong answers yet.";
    root.replaceChildren(h("p", { class: "empty" }, `${missing} Add some, then play here.`));
    return;
  }
  play(root, questions, round);
}

async function all(entity) {
  const entries = [];
  for (;;) {
    const { items, total } = await list(entity, { limit: PAGE, offset: entries.length });
    entries.push(...items);
    if (items.length === 0 || entries.length >= total) return entries;
  }
}

function play(root, questions, round) {
  function set(following) {
    round = following;
    if (isOver(round)) score(root, questions, round);
    else draw();
  }

  function draw() {
    const { text, choices } = current(round);
    root.replaceChildren(
      h("section", { class: "quiz stack", onkeydown: press },
        h("p", { class: "muted" }, `Question ${round.at + 1} of ${round.questions.length} · ${round.right} right so far`),
        h("progress", { max: round.questions.length, value: round.at, "aria-label": "Progress" }),
        h("h2", { tabindex: "-1" }, text),
        h("ol", { class: "choices" }, ...choices.map((choice, i) => h("li", {}, button(choice, i)))),
        h("p", { class: "verdict", role: "status" }, verdict()),
        round.picked === null
          ? null
          : h("button", { class: "button primary next", type: "button", onclick: () => set(next(round)) }, "Next"),
      ),
    );
    root.querySelector(round.picked === null ? "h2" : ".next").focus();
  }

  function button(choice, i) {
    const isAnswer = choice === current(round).answer;
    const state = round.picked === null ? "" : isAnswer ? " right" : choice === round.picked ? " wrong" : "";
    const mark = { " right": " ✓", " wrong": " ✗" }[state] ?? "";
    return h("button",
      { class: `choice${state}`, type: "button", "aria-disabled": String(round.picked !== null), onclick: () => set(pick(round, choice)) },
      h("kbd", { "aria-hidden": "true" }, String(i + 1)), choice + mark);
  }

  function verdict() {
    if (round.picked === null) return "";
    const { answer } = current(round);
    return round.picked === answer ? "Right!" : `No: it is ${answer}.`;
  }

  function press(event) {
    const choice = current(round).choices[Number(event.key) - 1];
    if (choice === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    set(pick(round, choice));
  }

  draw();
}

function score(root, questions, round) {
  const missed = round.missed.map(({ question, picked }) =>
    h("li", {}, h("strong", {}, question.text), h("span", {}, `${question.answer}, not ${picked}`)));
  root.replaceChildren(
    h("section", { class: "quiz stack" },
      h("h2", { tabindex: "-1", class: "score" }, `${round.right} of ${round.questions.length} right`),
      h("progress", { max: round.questions.length, value: round.right, "aria-label": "Score" }),
      missed.length > 0 ? h("ul", { class: "missed" }, ...missed) : h("p", {}, "Nothing missed."),
      h("button", { class: "button primary", type: "button", onclick: () => play(root, questions, begin(questions)) }, "Play again"),
    ),
  );
  root.querySelector("h2").focus();
}
