import type { Problem as Body } from './schema'

/** What the API has refused, or that it couldn't be reached (status 0). */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly status: number
  readonly code: string
  readonly hint: string
  /** Under which the server's log has more. */
  readonly request: string
  readonly type: string

  constructor(status: number, body: Partial<Body>) {
    super(body.detail || body.title || '')
    this.status = status
    this.code = body.code ?? (status === 0 ? 'unreachable' : 'internal')
    this.hint = body.hint ?? ''
    this.request = body.request_id ?? ''
    this.type = body.type ?? ''
  }

  /** Whether the same request may do better in a moment. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status === 502 || this.status === 503 || this.status === 504
  }
}

/** What an answer says of its failure, whoever gave it. */
export async function problemOf(response: Response): Promise<Problem> {
  const type = response.headers.get('Content-Type') ?? ''
  const request = response.headers.get('X-Request-Id') ?? ''
  if (/\bjson\b/.test(type)) {
    try {
      return new Problem(response.status, { request_id: request, ...((await response.json()) as Partial<Body>) })
    } catch {
      // A proxy's page that says it is JSON: there is the status.
    }
  }
  return new Problem(response.status, { title: response.statusText || `HTTP ${response.status}`, request_id: request })
}

/** Any failure as a Problem. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  return new Problem(0, { detail: error instanceof Error ? error.message : String(error) })
}
