// The rules of studying, with chance in the tests' hands.
import assert from "node:assert/strict";
import { begin, current, flip, isDone, shuffled, sort } from "../static/deck.js";

const CARDS = [{ id: 1 }, { id: 2 }, { id: 3 }];
const last = () => 0.999; // leaves the order as it is

export const tests = {
  "goes through every card once": async () => {
    let deck = begin(CARDS, last);
    const seen = [];
    while (!isDone(deck)) {
      seen.push(current(deck).id);
      deck = sort(deck, true);
    }
    assert.deepEqual(seen, [1, 2, 3]);
    assert.equal(current(deck), null);
  },

  "shows the front of each card first": async () => {
    const flipped = flip(begin(CARDS, last));
    assert.equal(flipped.isFlipped, true);
    assert.equal(flip(flipped).isFlipped, false);
    assert.equal(sort(flipped, true).isFlipped, false);
  },

  "sorts the cards into known and unknown": async () => {
    const deck = sort(sort(sort(begin(CARDS, last), true), false), true);
    assert.deepEqual(deck.known.map(({ id }) => id), [1, 3]);
    assert.deepEqual(deck.unknown.map(({ id }) => id), [2]);
  },

  "does nothing after the last card": async () => {
    const done = begin([], last);
    assert.equal(isDone(done), true);
    assert.equal(flip(done), done);
    assert.equal(sort(done, true), done);
  },

  "shuffles without losing a card": async () => {
    assert.deepEqual(shuffled([1, 2, 3], () => 0), [2, 3, 1]);
    assert.deepEqual(shuffled([...Array(50).keys()]).sort((a, b) => a - b), [...Array(50).keys()]);
  },
};
