/** The last n days in UTC, as 2006-01-02, today the last. */
export function daysBack(n: number, now = Date.now()): string[] {
  return Array.from({ length: n }, (_, i) => new Date(now - (n - 1 - i) * 86_400_000).toISOString().slice(0, 10))
}
