import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { changed } from '../api/hooks'
import type { Event } from '../api/schema'
import { follow } from '../live/live'
import { useMay } from '../api/me'
import { useProject } from './project'
import { inProject } from '../api/projects'

/** Which lists are read anew when something has happened, by how the event's type begins. */
const lists: Record<string, readonly string[]> = {
  task: ['/v1/tasks', '/v1/dashboard', '/v1/usage'],
  approval: ['/v1/tasks', '/v1/dashboard'],
  app: ['/v1/apps', '/v1/apps/{app}', '/v1/apps/{app}/versions', '/v1/dashboard'],
  conversation: ['/v1/conversations'],
  message: ['/v1/conversations'],
  notice: ['/v1/notifications', '/v1/dashboard'],
  budget: ['/v1/budgets', '/v1/notifications', '/v1/credits'],
  watch: ['/v1/watches', '/v1/notifications'],
}

const pause = 300 // ms, in which many events have lists read once

/** Keeps what lists show as it is, by the project's feed. */
export function useFeed(): void {
  const own = useQueryClient()
  const project = useProject()
  const may = useMay()('event.read')
  const due = useRef(new Set<string>())
  useEffect(() => {
    if (!project || !may) return
    let timer: ReturnType<typeof setTimeout> | undefined
    const read = () => {
      timer = undefined
      const paths = [...due.current]
      due.current.clear()
      void changed(own, paths)
      void changed(inProject(project).queries, paths)
    }
    const leave = follow(`${project}/events`, undefined, (notice) => {
      if (notice.kind !== 'item') return
      const word = (notice.data as Event).type.split('.')[0] ?? ''
      for (const path of lists[word] ?? []) due.current.add(path)
      if (due.current.size > 0) timer ??= setTimeout(read, pause)
    })
    return () => {
      clearTimeout(timer)
      leave()
    }
  }, [own, project, may])
}
