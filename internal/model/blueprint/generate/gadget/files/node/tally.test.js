// The arithmetic of the poll.
import assert from "node:assert/strict";
import { leaders, percentages } from "../static/tally.js";

export const tests = {
  "percentages add up to 100": async () => {
    assert.deepEqual(percentages([1, 1, 1]), [34, 33, 33]);
    assert.deepEqual(percentages([2, 1]), [67, 33]);
    assert.deepEqual(percentages([1, 0, 7]), [13, 0, 87]);
    assert.deepEqual(percentages([5]), [100]);
  },

  "nothing has a share of no votes": async () => {
    assert.deepEqual(percentages([0, 0]), [0, 0]);
    assert.deepEqual(percentages([]), []);
  },

  "several may lead, none without a vote": async () => {
    assert.deepEqual(leaders([2, 3, 3]), [1, 2]);
    assert.deepEqual(leaders([0, 0]), []);
  },
};
