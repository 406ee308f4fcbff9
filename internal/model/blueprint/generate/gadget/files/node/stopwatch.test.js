// The rules of the stopwatch, by a clock that the tests turn.
import assert from "node:assert/strict";
import { clock } from "../static/clock.js";
import { create, elapsed, isRunning, lap, lapTimes, start, stop } from "../static/stopwatch.js";

const NOON = Date.UTC(2026, 0, 31, 12);

export const tests = {
  "begins at zero": async () => {
    assert.equal(elapsed(create(), NOON), 0);
    assert.equal(isRunning(create()), false);
  },

  "runs by the clock and goes on where it stopped": async () => {
    const stopped = stop(start(create(), NOON), NOON + 1500);
    assert.equal(elapsed(stopped, NOON + 9000), 1500);
    assert.equal(elapsed(start(stopped, NOON + 9000), NOON + 9250), 1750);
  },

  "survives being saved and loaded": async () => {
    const loaded = JSON.parse(JSON.stringify(start(create(), NOON)));
    assert.equal(elapsed(loaded, NOON + 1000), 1000);
  },

  "notes laps while it runs": async () => {
    const watch = lap(lap(start(create(), NOON), NOON + 1000), NOON + 2500);
    assert.deepEqual(watch.laps, [1000, 2500]);
    assert.deepEqual(lapTimes(watch), [1000, 1500]);
    assert.deepEqual(lap(create(), NOON).laps, []);
  },

  "shows hundredths": async () => {
    assert.deepEqual([0, 10, 61_230, 3_600_000].map(clock), ["0:00.00", "0:00.01", "1:01.23", "1:00:00.00"]);
  },
};
