// The server that the tests run against, and what they ask of it themselves.
export const base = process.env.ISEKAI_URL ?? 'http://127.0.0.1:7777'
export const email = process.env.ISEKAI_EMAIL ?? 'olga@example.org'
export const password = process.env.ISEKAI_PASSWORD ?? 'a long enough sentence'

let tokens

/** Asks the API, as its owner; a failure is thrown with what it said. */
export async function api(method, path, body, headers = {}) {
  tokens ??= await ask('POST', '/v1/session', { email, password })
  return ask(method, path, body, { Authorization: `Bearer ${tokens.access}`, ...headers })
}

/** Asks the API, as whoever the headers say. */
export async function ask(method, path, body, headers = {}) {
  const response = await fetch(base + path, { method, headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers }, body: body === undefined ? undefined : JSON.stringify(body) })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return text && /json/.test(response.headers.get('Content-Type') ?? '') ? JSON.parse(text) : text
}

/** The project that the owner's session is in. */
export async function project() {
  return (await api('GET', '/v1/me')).project
}

/** A name that nothing else has. */
export function unique(word) {
  return `${word} ${Math.random().toString(36).slice(2, 8)}`
}
