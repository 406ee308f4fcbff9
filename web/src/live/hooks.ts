import { useEffect, useEffectEvent, useSyncExternalStore } from 'react'
import { useApi } from '../api/hooks'
import { connection, follow, type Connection, type Notice } from './live'

/** How the tab's live connection is. */
export function useConnection(): Connection {
  return useSyncExternalStore(connection.subscribe, connection.get)
}

/**
 * Follows a channel of the project at hand for as long as the component is there; see follow. An empty channel is
 * none. The place counts when it begins, not when it changes.
 */
export function useChannel(channel: string, place: number | undefined, tell: (notice: Notice) => void): void {
  const { project } = useApi()
  const told = useEffectEvent(tell)
  const from = useEffectEvent(() => place)
  useEffect(() => {
    if (!channel) return
    return follow(project ? `${project}/${channel}` : channel, from(), (notice) => told(notice))
  }, [project, channel])
}
