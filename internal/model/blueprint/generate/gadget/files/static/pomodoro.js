// The rules of the pomodoro timer. Pure: a state goes in with the time of day in
// milliseconds, a new state comes out, and nobody counts ticks. A timer that was
// asleep, hidden or reloaded is therefore still right.

// A fresh timer. lengths are milliseconds: { focus, rest }.
// endsAt is when a running phase ends, left what a paused one still has.
export function create(lengths) {
  return { phase: "focus", left: lengths.focus, endsAt: null, sessions: 0, day: "" };
}

export function isRunning(timer) {
  return timer.endsAt !== null;
}

export function start(timer, now) {
  return isRunning(timer) ? timer : { ...timer, endsAt: now + timer.left };
}

export function pause(timer, now) {
  return isRunning(timer) ? { ...timer, endsAt: null, left: remaining(timer, now) } : timer;
}

// Back to the beginning of the phase.
export function reset(timer, lengths) {
  return { ...timer, endsAt: null, left: lengths[timer.phase] };
}

// On to the other phase. A session that is skipped doesn't count.
export function skip(timer, lengths) {
  const phase = timer.phase === "focus" ? "rest" : "focus";
  return { ...timer, phase, endsAt: null, left: lengths[phase] };
}

export function remaining(timer, now) {
  return isRunning(timer) ? Math.max(0, timer.endsAt - now) : timer.left;
}

// What the timer is now: { timer, ended }. ended is the phase that has just run
// out, or null. The next phase waits to be started. Sessions count for the day, such as
// "2026-01-31", on which they end.
export function advance(timer, now, today, lengths) {
  const counted = timer.day === today ? timer : { ...timer, day: today, sessions: 0 };
  if (!isRunning(timer) || now < timer.endsAt) return { timer: counted, ended: null };
  const sessions = counted.sessions + (timer.phase === "focus" ? 1 : 0);
  return { timer: { ...skip(counted, lengths), sessions }, ended: timer.phase };
}
