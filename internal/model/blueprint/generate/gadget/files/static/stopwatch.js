// The rules of the stopwatch. Pure: a state goes in with the time of day in
// milliseconds, a new state comes out, and nobody counts ticks. A stopwatch that
// was asleep, hidden or reloaded is therefore still right.

// A stopwatch at zero. startedAt is when it last went on, before what it had by then; laps are their ends.
export function create() {
  return { before: 0, startedAt: null, laps: [] };
}

export function isRunning(watch) {
  return watch.startedAt !== null;
}

export function start(watch, now) {
  return isRunning(watch) ? watch : { ...watch, startedAt: now };
}

export function stop(watch, now) {
  return isRunning(watch) ? { ...watch, before: elapsed(watch, now), startedAt: null } : watch;
}

export function elapsed(watch, now) {
  return watch.before + (isRunning(watch) ? Math.max(0, now - watch.startedAt) : 0);
}

// Note the end of a lap, while it runs.
export function lap(watch, now) {
  return isRunning(watch) ? { ...watch, laps: [...watch.laps, elapsed(watch, now)] } : watch;
}

// The length of each lap, in order.
export function lapTimes(watch) {
  return watch.laps.map((end, i) => end - (watch.laps[i - 1] ?? 0));
}
