import { useApi } from '../../../api/hooks'
import { useMay } from '../../../api/me'
import type { Secret } from '../../../api/schema'

/** Whose models some components are about: the org's, or the installation's, which all orgs have. */
export type Of = 'org' | 'installation'

type OrgPath = '/v1/gateway/providers' | '/v1/gateway/providers/{provider}' | '/v1/gateway/providers/{provider}/test' | '/v1/gateway/routes'

/** The path for whose models they are. The installation's operations are the same below another path. */
export function at<P extends OrgPath>(of: Of, path: P): P {
  return (of === 'org' ? path : path.replace('/v1/', '/v1/installation/')) as P
}

/** What is read anew when a provider or a route has changed. */
export const lists = ['/v1/gateway/providers', '/v1/gateway/routes', '/v1/installation/gateway/providers', '/v1/installation/gateway/routes']

/** Whether the signed-in may change them. */
export function useMayWrite(of: Of): boolean {
  return useMay()(of === 'org' ? 'model.write' : 'operate')
}

/** The secrets that providers may name. */
export function useSecrets(of: Of): Secret[] {
  const { query } = useApi()
  const may = useMay()
  const shared = query.useQuery('get', '/v1/secrets', { params: { query: { limit: 200 } } }, { enabled: of === 'org' && may('secret.read') })
  const house = query.useQuery('get', '/v1/installation/secrets', {}, { enabled: of === 'installation' })
  return of === 'org' ? (shared.data?.items ?? []).filter((s) => !s.project && !s.connection) : (house.data ?? [])
}
