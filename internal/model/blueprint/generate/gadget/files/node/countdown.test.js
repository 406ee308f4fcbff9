// The rules of the countdown, by a clock that the tests turn.
import assert from "node:assert/strict";
import { clock } from "../static/clock.js";
import { advance, create, isRunning, LONGEST, parse, pause, remaining, reset, start } from "../static/countdown.js";

const MINUTE = 60_000;
const NOON = Date.UTC(2026, 0, 31, 12);

export const tests = {
  "runs by the clock, however late it is looked at": async () => {
    const timer = start(create(5 * MINUTE), NOON);
    assert.equal(remaining(timer, NOON + MINUTE), 4 * MINUTE);
    assert.equal(remaining(timer, NOON + 60 * MINUTE), 0);
  },

  "stands still while it is paused": async () => {
    const paused = pause(start(create(5 * MINUTE), NOON), NOON + MINUTE);
    assert.equal(remaining(start(paused, NOON + 60 * MINUTE), NOON + 61 * MINUTE), 3 * MINUTE);
  },

  "ends once": async () => {
    const running = start(create(MINUTE), NOON);
    assert.equal(advance(running, NOON + MINUTE - 1).ended, false);
    const { timer, ended } = advance(running, NOON + MINUTE);
    assert.equal(ended, true);
    assert.equal(isRunning(timer), false);
    assert.equal(advance(timer, NOON + 2 * MINUTE).ended, false);
  },

  "starts over after its end": async () => {
    const { timer } = advance(start(create(MINUTE), NOON), NOON + MINUTE);
    assert.equal(remaining(timer, NOON), 0);
    assert.equal(remaining(start(timer, NOON), NOON), MINUTE);
    assert.equal(remaining(reset(timer), NOON), MINUTE);
  },

  "survives being saved and loaded": async () => {
    const loaded = JSON.parse(JSON.stringify(start(create(5 * MINUTE), NOON)));
    assert.equal(remaining(loaded, NOON + MINUTE), 4 * MINUTE);
  },

  "reads minutes, and hours and seconds": async () => {
    assert.equal(parse("5"), 5 * MINUTE);
    assert.equal(parse(" 5:30 "), 5.5 * MINUTE);
    assert.equal(parse("0:03"), 3000);
    assert.equal(parse("1:00:00"), 60 * MINUTE);
    assert.equal(parse("99:59:59"), LONGEST);
  },

  "refuses what is no time": async () => {
    for (const text of ["", "0", "-5", "five", "1:60", "1:2:3:4", "1.5", "100:00:00"]) {
      assert.ok(Number.isNaN(parse(text)), text);
    }
  },

  "shows a second until it has run out": async () => {
    assert.deepEqual([5 * MINUTE, 59_001, 1, 0, 60 * MINUTE].map(clock), ["5:00", "1:00", "0:01", "0:00", "1:00:00"]);
  },
};
