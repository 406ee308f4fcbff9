import { useEffect, useRef, useState } from 'react'
import type { Event } from '../api/schema'
import { useChannel } from '../live/hooks'
import { fold, nothing } from './fold'
import type { TaskState } from './state'

/** A task as its events tell it, kept up to date. */
export interface TaskEvents {
  task: string
  state: TaskState
  /** All that there was when it was opened has come. */
  whole: boolean
  /** Why nothing comes. */
  problem: unknown
}

const pause = 60 // ms, in which many events are drawn once

/**
 * Follows a task from its first event on. An empty task is none. Events come in batches, so that thousands of
 * them are drawn a few times; each batch gives a new state, in which what hasn't changed is the same object.
 */
export function useTaskEvents(task: string): TaskEvents {
  const fresh: TaskEvents = { task, state: nothing, whole: false, problem: null }
  const [held, setHeld] = useState(fresh)
  const due = useRef<{ task: string; events: Event[]; whole: boolean; timer?: ReturnType<typeof setTimeout> }>({ task, events: [], whole: false })

  useChannel(task && `task:${task}`, 0, (notice) => {
    if (notice.kind === 'refused') {
      setHeld((was) => ({ ...(was.task === task ? was : fresh), problem: notice.problem }))
      return
    }
    if (due.current.task !== task) {
      clearTimeout(due.current.timer)
      due.current = { task, events: [], whole: false }
    }
    const batch = due.current
    if (notice.kind === 'item') batch.events.push(notice.data as Event)
    else if (notice.kind !== 'place' || notice.whole) batch.whole = true
    batch.timer ??= setTimeout(() => {
      const { events, whole } = batch
      batch.events = []
      batch.timer = undefined
      setHeld((was) => {
        const at = was.task === batch.task ? was : { ...fresh, task: batch.task }
        return { ...at, state: events.reduce(fold, at.state), whole: at.whole || whole }
      })
    }, pause)
  })

  useEffect(() => () => clearTimeout(due.current.timer), [])
  return held.task === task ? held : fresh
}
