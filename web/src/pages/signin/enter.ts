import { Problem } from '../../api/problem'
import { wake } from '../../live/live'
import type { Api } from '../../api/client'

/** Signs in with a cookie that no script sees. It returns "code" if the password is right and a code is missing. */
export async function enter(api: Api, email: string, password: string, code: string): Promise<'in' | 'code'> {
  try {
    await api.client.POST('/v1/session', { body: { email, password, cookie: true, ...(code ? { code } : {}) } })
  } catch (error) {
    if (error instanceof Problem && error.type === 'urn:isekai:problem:code-needed') return 'code'
    throw error
  }
  wake()
  return 'in'
}

/** The secret of a link, which is behind its # so that no server's log has it. */
export function linkToken(): string {
  return new URLSearchParams(location.hash.slice(1)).get('token') ?? ''
}

/** Where to go on to: a page of this console, whatever was asked for. */
export function onward(to: string | undefined): string {
  try {
    const url = new URL(to ?? '/', location.origin)
    return url.origin === location.origin ? url.pathname + url.search + url.hash : '/'
  } catch {
    return '/'
  }
}
