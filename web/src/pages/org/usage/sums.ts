import type { ModelUsed } from '../../../api/schema'
import { daysBack } from '../days'

export type Measure = 'calls' | 'tokens' | 'credits'
export type By = 'model' | 'project' | 'key'

export interface Sum {
  group: string
  calls: number
  failed: number
  input: number
  cached: number
  output: number
  credits: number
}

/** What each group has used, the most first. */
export function sums(used: ModelUsed[], by: By, measure: Measure): Sum[] {
  const all = new Map<string, Sum>()
  for (const u of used) {
    const group = groupOf(u, by)
    const s = all.get(group) ?? { group, calls: 0, failed: 0, input: 0, cached: 0, output: 0, credits: 0 }
    s.calls += u.calls
    s.failed += u.failed ?? 0
    s.input += u.input
    s.cached += u.cached ?? 0
    s.output += u.output
    s.credits += u.credits ?? 0
    all.set(group, s)
  }
  const of = (s: Sum) => (measure === 'calls' ? s.calls : measure === 'credits' ? s.credits : s.input + s.output)
  return [...all.values()].sort((a, b) => of(b) - of(a))
}

export const drawn = 6 // groups; the rest is one

/** What a chart shows: of each day, what each of the first groups has used, and all others, by a number that is their name in it. */
export function byDay(used: ModelUsed[], by: By, measure: Measure, groups: string[], days: number): Record<string, string | number>[] {
  const rows = new Map(daysBack(days).map((day) => [day, { day } as Record<string, string | number>]))
  const places = new Map(groups.map((g, i) => [g, `g${Math.min(i, drawn)}`]))
  for (const u of used) {
    const row = rows.get(u.day)
    const place = places.get(groupOf(u, by))
    if (!row || !place) continue
    row[place] = ((row[place] as number | undefined) ?? 0) + (measure === 'calls' ? u.calls : measure === 'credits' ? (u.credits ?? 0) / 1e6 : u.input + u.output)
  }
  return [...rows.values()]
}

function groupOf(u: ModelUsed, by: By): string {
  return (by === 'model' ? u.model : by === 'project' ? u.project : u.key) ?? ''
}
