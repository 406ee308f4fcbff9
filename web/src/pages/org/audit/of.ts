/** Whose audit log some components are about: the org's, or the installation's. */
export type Of = 'org' | 'installation'

type OrgPath = '/v1/audit' | '/v1/audit/export' | '/v1/audit/verify' | '/v1/audit/checkpoint' | '/v1/audit/growth'

/** The path for whose log it is. The installation's operations are the same below another path. */
export function at<P extends OrgPath>(of: Of, path: P): P {
  return (of === 'org' ? path : path.replace('/v1/', '/v1/installation/')) as P
}
