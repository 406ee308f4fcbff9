// The rules of the pomodoro timer, by a clock that the tests turn.
import assert from "node:assert/strict";
import { clock } from "../static/clock.js";
import { advance, create, isRunning, pause, remaining, reset, skip, start } from "../static/pomodoro.js";

const LENGTHS = { focus: 25 * 60_000, rest: 5 * 60_000 };
const NOON = Date.UTC(2026, 0, 31, 12);
const TODAY = "2026-01-31";

const fresh = () => create(LENGTHS);
const advanced = (timer, now, day = TODAY) => advance(timer, now, day, LENGTHS);

export const tests = {
  "waits with the whole focus": async () => {
    assert.equal(remaining(fresh(), NOON), LENGTHS.focus);
    assert.equal(isRunning(fresh()), false);
  },

  "runs by the clock, however late it is looked at": async () => {
    const timer = start(fresh(), NOON);
    assert.equal(remaining(timer, NOON + 60_000), 24 * 60_000);
    assert.equal(remaining(timer, NOON + 9 * 3_600_000), 0);
  },

  "stands still while it is paused": async () => {
    const paused = pause(start(fresh(), NOON), NOON + 60_000);
    assert.equal(remaining(paused, NOON + 3_600_000), 24 * 60_000);
    const again = start(paused, NOON + 3_600_000);
    assert.equal(remaining(again, NOON + 3_660_000), 23 * 60_000);
  },

  "survives being saved and loaded": async () => {
    const loaded = JSON.parse(JSON.stringify(start(fresh(), NOON)));
    assert.equal(remaining(loaded, NOON + 60_000), 24 * 60_000);
  },

  "counts a session at its end and offers the break": async () => {
    const running = start(fresh(), NOON);
    assert.equal(advanced(running, NOON + LENGTHS.focus - 1).ended, null);
    const { timer, ended } = advanced(running, NOON + LENGTHS.focus);
    assert.equal(ended, "focus");
    assert.deepEqual([timer.phase, timer.sessions, isRunning(timer)], ["rest", 1, false]);
    assert.equal(advanced(timer, NOON + LENGTHS.focus + 1000).ended, null);
  },

  "goes back to focus after the break, which is no session": async () => {
    const rest = start(advanced(start(fresh(), NOON), NOON + LENGTHS.focus).timer, NOON);
    const { timer, ended } = advanced(rest, NOON + LENGTHS.rest);
    assert.equal(ended, "rest");
    assert.deepEqual([timer.phase, timer.sessions], ["focus", 1]);
  },

  "begins each day at no sessions": async () => {
    const { timer } = advanced(start(fresh(), NOON), NOON + LENGTHS.focus);
    assert.equal(advanced(timer, NOON, "2026-02-01").timer.sessions, 0);
  },

  "doesn't count a session that is skipped": async () => {
    assert.deepEqual([skip(fresh(), LENGTHS).phase, skip(fresh(), LENGTHS).sessions], ["rest", 0]);
  },

  "starts the phase over": async () => {
    assert.equal(remaining(reset(start(fresh(), NOON), LENGTHS), NOON + 60_000), LENGTHS.focus);
  },

  "shows a second until it has run out": async () => {
    assert.equal(clock(LENGTHS.focus), "25:00");
    assert.equal(clock(59_001), "1:00");
    assert.equal(clock(1), "0:01");
    assert.equal(clock(0), "0:00");
    assert.equal(clock(3_600_000), "1:00:00");
  },
};
