// The arithmetic of the poll.

// Whole percentages of the votes that add up to 100, or are all 0 (by the largest remainders).
export function percentages(votes) {
  const total = votes.reduce((sum, count) => sum + count, 0);
  if (total === 0) return votes.map(() => 0);
  const exact = votes.map((count) => (count * 100) / total);
  const whole = exact.map(Math.floor);
  const missing = 100 - whole.reduce((sum, percent) => sum + percent, 0);
  const byRemainder = exact.map((_, i) => i).sort((a, b) => exact[b] - whole[b] - (exact[a] - whole[a]) || a - b);
  for (const i of byRemainder.slice(0, missing)) whole[i] += 1;
  return whole;
}

// The indexes of the options that lead, none without a vote.
export function leaders(votes) {
  const most = Math.max(0, ...votes);
  return votes.flatMap((count, i) => (most > 0 && count === most ? [i] : []));
}
