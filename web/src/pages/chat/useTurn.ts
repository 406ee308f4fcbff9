import { useQuery } from '@tanstack/react-query'
import { type RefCallback, useCallback, useEffect, useState } from 'react'
import type { Api } from '../../api/client'
import { useApi } from '../../api/hooks'
import { useMay } from '../../api/me'
import type { Event } from '../../api/schema'
import { messages } from '../../live/sse'
import { fold, nothing } from '../../timeline/fold'
import type { TaskState } from '../../timeline/state'
import { type TaskEvents, useTaskEvents } from '../../timeline/useTaskEvents'

/**
 * What is known of a turn: as it goes, if it was under way when it was first shown; else all of it at once, when it comes
 * into sight. `ref` is of what has to be in sight.
 */
export function useTurn(task: string, over: boolean): { events: TaskEvents; ref: RefCallback<HTMLElement> } {
  const api = useApi()
  const may = useMay()('task.read')
  const [live] = useState(!over)
  const [seen, setSeen] = useState(false)
  const ref = useCallback((element: HTMLElement) => {
    const observer = new IntersectionObserver((all) => all.some((e) => e.isIntersecting) && setSeen(true), { rootMargin: '400px' })
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  const following = useTurnEvents(live && may ? task : '', over)
  const past = useQuery({
    queryKey: ['turn', task],
    queryFn: ({ signal }) => readTurn(api, task, signal),
    enabled: may && !live && seen,
    staleTime: Infinity, // what is over doesn't change
    gcTime: 300_000,
  })
  return { events: live ? following : { task, state: past.data ?? nothing, whole: past.data !== undefined, problem: null }, ref }
}

const tries = 10
const pause = 1000 // ms

/** Who hears of a message may do so a moment before the task that answers it is there. */
function useTurnEvents(task: string, over: boolean): TaskEvents {
  const [tried, setTried] = useState(0) // odd: it waits
  const events = useTaskEvents(tried % 2 === 0 ? task : '')
  const lost = events.problem !== null && !over && tried < 2 * tries
  useEffect(() => {
    if (!lost && tried % 2 === 0) return
    const timer = setTimeout(() => setTried((n) => n + 1), lost ? 0 : pause)
    return () => clearTimeout(timer)
  }, [lost, tried])
  return lost ? { ...events, problem: null } : events
}

/** A task that is over: its stream ends by itself. */
async function readTurn(api: Api, task: string, signal: AbortSignal): Promise<TaskState> {
  const { body } = await api.fetch(`/v1/tasks/${encodeURIComponent(task)}/events`, { signal, headers: { Accept: 'text/event-stream' } })
  let state = nothing
  if (!body) return state
  for await (const { event, data } of messages(body)) {
    if (event === 'end') break
    const told = JSON.parse(data) as Event
    if (told.type) state = fold(state, told)
  }
  return state
}
