import { useQuery } from '@tanstack/react-query'
import type { Api } from '../../api/client'
import { useApi } from '../../api/hooks'

/** Larger files aren't shown, in bytes. */
export const mostShown = 512 * 1024

/** The text of a file of a version, which never changes; null: it isn't text. */
export function sourceOptions(api: Api, app: string, version: number, path: string) {
  return {
    queryKey: ['source', app, version, path],
    queryFn: async ({ signal }: { signal: AbortSignal }): Promise<string | null> => {
      const bytes = await (await api.fetch(fileAt(app, version, path), { signal })).arrayBuffer()
      try {
        const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
        return text.includes('\0') ? null : text
      } catch {
        return null
      }
    },
    staleTime: Infinity,
    gcTime: 5 * 60_000,
  }
}

export function useSource(app: string, version: number, path: string, enabled: boolean) {
  return useQuery({ ...sourceOptions(useApi(), app, version, path), enabled })
}

export function fileAt(app: string, version: number, path: string): string {
  return `/v1/apps/${encodeURIComponent(app)}/versions/${version}/file?path=${encodeURIComponent(path)}`
}
