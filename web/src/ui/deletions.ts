import { useSyncExternalStore } from 'react'
import { undoable } from './undo'

/** Deletions of one kind of thing that can be undone: what is about to be deleted is hidden wherever it is shown. */
export interface Deletions {
  /** The ids of what nobody is to see any more. */
  useHidden: () => ReadonlySet<string>
  /** Deletes something a moment later, and says so by `told` until then. */
  begin: (id: string, told: string, act: () => Promise<unknown>) => void
}

export function createDeletions(): Deletions {
  let hidden: ReadonlySet<string> = new Set()
  const observers = new Set<() => void>()
  const hide = (id: string, away: boolean) => {
    const next = new Set(hidden)
    if (away) next.add(id)
    else next.delete(id)
    hidden = next
    for (const observe of observers) observe()
  }
  const subscribe = (observe: () => void) => {
    observers.add(observe)
    return () => observers.delete(observe)
  }
  return {
    useHidden: () => useSyncExternalStore(subscribe, () => hidden),
    begin: (id, told, act) => {
      hide(id, true)
      undoable(told, act, () => hide(id, false))
    },
  }
}
