// The rules of a quiz round, with chance in the tests' hands.
import assert from "node:assert/strict";
import { begin, current, isOver, next, pick } from "../static/round.js";

const last = () => 0.999; // leaves the order as it is
const QUESTIONS = [
  { text: "2 + 2?", answer: "4", wrong: ["3", "5"] },
  { text: "Capital of Sweden?", answer: "Stockholm", wrong: ["Oslo"] },
];

export const tests = {
  "offers the answer and the wrong ones": async () => {
    assert.deepEqual(current(begin(QUESTIONS, last)).choices, ["4", "3", "5"]);
  },

  "offers four choices at most, each once": async () => {
    const round = begin([{ text: "?", answer: "a", wrong: ["b", "b", "c", "a", "d", "e"] }], last);
    assert.deepEqual(current(round).choices, ["a", "b", "c", "d"]);
  },

  "borrows wrong answers where there are none": async () => {
    const round = begin([{ text: "1?", answer: "a", wrong: [] }, { text: "2?", answer: "b", wrong: [] }], last);
    assert.deepEqual(round.questions.map(({ choices }) => choices.toSorted()), [["a", "b"], ["a", "b"]]);
  },

  "leaves out what has only one answer": async () => {
    assert.equal(isOver(begin([{ text: "?", answer: "a", wrong: [] }], last)), true);
  },

  "counts what is right and keeps what was missed": async () => {
    let round = next(pick(begin(QUESTIONS, last), "4"));
    round = next(pick(round, "Oslo"));
    assert.equal(isOver(round), true);
    assert.equal(round.right, 1);
    assert.deepEqual(round.missed.map(({ question, picked }) => [question.answer, picked]), [["Stockholm", "Oslo"]]);
  },

  "takes the first answer only": async () => {
    const round = pick(pick(begin(QUESTIONS, last), "3"), "4");
    assert.deepEqual([round.picked, round.right], ["3", 0]);
  },

  "waits for an answer": async () => {
    const round = begin(QUESTIONS, last);
    assert.equal(next(round), round);
  },
};
