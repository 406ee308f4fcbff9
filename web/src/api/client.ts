import createClient, { type Client, type Middleware } from 'openapi-fetch'
import createQueries, { type OpenapiQueryClient } from 'openapi-react-query'
import { asProblem, Problem, problemOf } from './problem'
import type { paths } from './schema'

/** The header that says in which of the org's projects something is done. */
export const projectHeader = 'Isekai-Project'

/** The API as it is in a project, or in none. Failures are thrown as Problems. */
export interface Api {
  readonly project: string
  readonly client: Client<paths>
  readonly query: OpenapiQueryClient<paths>
  /** The same for what isn't JSON: files, archives, logs. */
  fetch(path: string, init?: RequestInit): Promise<Response>
}

/** Hears that the session has ended. */
export const session = new EventTarget()

export function createApi(project = ''): Api {
  const headers: Record<string, string> = project ? { [projectHeader]: project } : {}
  const client = createClient<paths>({ baseUrl: location.origin, headers })
  client.use(failing)
  return {
    project,
    client,
    query: createQueries(client),
    async fetch(path, init) {
      let response: Response
      try {
        response = await fetch(path, { ...init, headers: { ...headers, ...(init?.headers as Record<string, string>) } })
      } catch (error) {
        throw asProblem(error)
      }
      await refuse(response)
      return response
    },
  }
}

const failing: Middleware = {
  async onResponse({ response }) {
    await refuse(response)
    return response
  },
  onError({ error }) {
    return error instanceof Problem ? error : asProblem(error)
  },
}

async function refuse(response: Response): Promise<void> {
  if (response.ok) return
  const problem = await problemOf(response)
  if (problem.status === 401) session.dispatchEvent(new Event('ended'))
  throw problem
}
