// The rules of the countdown. Pure: a state goes in with the time of day in
// milliseconds, a new state comes out, and nobody counts ticks. A countdown that
// was asleep, hidden or reloaded is therefore still right.

export const LONGEST = (99 * 60 + 59) * 60_000 + 59_000; // 99 hours, 59 minutes and 59 seconds

// A countdown of length milliseconds. endsAt is when a running one ends, left what a paused one still has.
export function create(length) {
  return { length, left: length, endsAt: null };
}

export function isRunning(timer) {
  return timer.endsAt !== null;
}

export function start(timer, now) {
  if (isRunning(timer)) return timer;
  const left = timer.left > 0 ? timer.left : timer.length; // after the end it starts over
  return { ...timer, left, endsAt: now + left };
}

export function pause(timer, now) {
  return isRunning(timer) ? { ...timer, endsAt: null, left: remaining(timer, now) } : timer;
}

export function reset(timer) {
  return create(timer.length);
}

export function remaining(timer, now) {
  return isRunning(timer) ? Math.max(0, timer.endsAt - now) : timer.left;
}

// What the countdown is now: { timer, ended }, ended being true the one time that it has run out.
export function advance(timer, now) {
  if (!isRunning(timer) || now < timer.endsAt) return { timer, ended: false };
  return { timer: { ...timer, left: 0, endsAt: null }, ended: true };
}

// Milliseconds of what was typed: "5" minutes, "5:30" or "1:00:00". NaN if it says no time.
export function parse(text) {
  const parts = text.trim().split(":");
  if (parts.length > 3 || !parts.every((part) => /^\d{1,3}$/.test(part))) return NaN;
  const numbers = parts.map(Number);
  if (numbers.slice(1).some((number) => number > 59)) return NaN;
  const [seconds = 0, minutes, hours = 0] = parts.length === 1 ? [0, numbers[0]] : numbers.reverse();
  const length = ((hours * 60 + minutes) * 60 + seconds) * 1000;
  return length > 0 && length <= LONGEST ? length : NaN;
}
