import { useEffect, useRef, useState } from 'react'
import type { LogLine } from '../../api/schema'
import { useChannel } from '../../live/hooks'

/** How many lines are kept. */
export const mostLines = 2000

const pause = 100 // ms, in which many lines are drawn once

/** An app's output as it comes: the newest lines. `clear` forgets those that are there. */
export function useLog(app: string): { lines: readonly LogLine[]; problem: unknown; clear: () => void } {
  const [lines, setLines] = useState<readonly LogLine[]>([])
  const [problem, setProblem] = useState<unknown>(null)
  const due = useRef<{ lines: LogLine[]; timer?: ReturnType<typeof setTimeout> }>({ lines: [] })
  useChannel(`logs:${app}`, 0, (notice) => {
    if (notice.kind === 'refused') setProblem(notice.problem)
    if (notice.kind !== 'item') return
    const batch = due.current
    batch.lines.push(notice.data as LogLine)
    if (batch.lines.length > mostLines) batch.lines.splice(0, batch.lines.length - mostLines)
    batch.timer ??= setTimeout(() => {
      const come = batch.lines
      batch.lines = []
      batch.timer = undefined
      setLines((was) => {
        const last = was.at(-1)?.seq ?? 0
        return [...was, ...come.filter((line) => line.seq > last)].slice(-mostLines)
      })
    }, pause)
  })
  useEffect(() => () => clearTimeout(due.current.timer), [])
  return { lines, problem, clear: () => setLines([]) }
}
