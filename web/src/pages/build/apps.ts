import { type QueryClient, useQuery, useQueryClient } from '@tanstack/react-query'
import type { Api } from '../../api/client'
import { changed, type Tagged, useApi } from '../../api/hooks'
import type { Problem } from '../../api/problem'
import type { App, AppDetail, Version } from '../../api/schema'
import { download } from '../../files/download'
import { text } from '../../text'
import { createDeletions } from '../../ui/deletions'

/** What is read anew when an app has changed. */
export const appLists = ['/v1/apps', '/v1/apps/{app}', '/v1/apps/{app}/versions'] as const

/** An app with its ETag, once there is one: one that is being built isn't there yet. */
export function useApp(app: string, exists: boolean) {
  const api = useApi()
  return useQuery<Tagged<AppDetail>, Problem>({
    queryKey: ['tagged', '/v1/apps/{app}', { params: { path: { app } } }],
    queryFn: async ({ signal }) => {
      const { data, response } = await api.client.GET('/v1/apps/{app}', { params: { path: { app } }, signal })
      return { data: data!, etag: response.headers.get('ETag') ?? '' }
    },
    enabled: exists,
  })
}

/** An app's versions, newest first. */
export function useVersions(app: string, exists: boolean): Version[] {
  const query = useApi().query.useQuery('get', '/v1/apps/{app}/versions', { params: { path: { app } } }, { enabled: exists })
  return [...(query.data?.items ?? [])].reverse()
}

const deletions = createDeletions()

/** The apps that are about to be deleted. */
export const { useHidden } = deletions

/** Deletes an app a moment later; what works on it is stopped before. */
export function useDeletion(): (app: Pick<App, 'id' | 'title'>, working?: string) => void {
  const api = useApi()
  const queries = useQueryClient()
  return (app, working) => deletions.begin(app.id, text.build.app.deleted(app.title), () => remove(api, queries, app.id, working))
}

async function remove(api: Api, queries: QueryClient, app: string, working: string | undefined): Promise<void> {
  if (working) await api.client.POST('/v1/tasks/{task}/cancel', { params: { path: { task: working } }, body: {} }).catch(() => undefined) // it may be over by now
  await api.client.DELETE('/v1/apps/{app}', { params: { path: { app } } })
  await changed(queries, ['/v1/apps', '/v1/tasks'])
}

export function exportVersion(api: Api, app: Pick<App, 'id' | 'name'>, version: number, format: 'zip' | 'tar.gz'): Promise<void> {
  return download(api, `/v1/apps/${encodeURIComponent(app.id)}/versions/${version}/export?format=${format}`, `${app.name}-v${version}.${format}`)
}
