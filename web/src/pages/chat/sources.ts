import type { Entry, ToolCall } from '../../timeline/state'
import { safeAddress } from '../../ui/away'

/** What an answer can refer to: a passage of a document or of what was remembered, or a page of the web. */
export type Source =
  | { kind: 'passage'; key: string; number: number; id: string; cite: string; text: string }
  | { kind: 'page'; key: string; number?: number; address: string; title: string }

/** What a turn's calls have found, as they say it themselves: tools of memory and of the web. */
export function sourcesOf(entries: readonly Entry[]): Source[] {
  return entries.flatMap((e) => (e.kind === 'tool' && e.state === 'done' ? found(e) : []))
}

function found(call: ToolCall): Source[] {
  const data = call.data as { passages?: unknown; results?: unknown; address?: unknown; title?: unknown } | null | undefined
  if (typeof data !== 'object' || data === null) return []
  switch (call.tool) {
    case 'recall':
      return list(data.passages).map((p, i): Source => ({ kind: 'passage', key: `${call.key}-${i}`, number: i + 1, id: word(p.id), cite: word(p.cite), text: word(p.text) }))
    case 'web_search':
      return list(data.results).map((r, i): Source => ({ kind: 'page', key: `${call.key}-${i}`, number: i + 1, address: word(r.url), title: word(r.title) })).filter(ofTheWeb)
    case 'web_fetch':
      return ([{ kind: 'page', key: `${call.key}`, address: word(data.address), title: word(data.title) }] as Source[]).filter(ofTheWeb)
    default:
      return []
  }
}

const list = (v: unknown): Record<string, unknown>[] => (Array.isArray(v) ? v.filter((x): x is Record<string, unknown> => typeof x === 'object' && x !== null) : [])
const word = (v: unknown): string => (typeof v === 'string' ? v : '')
const ofTheWeb = (s: Source): boolean => s.kind === 'page' && safeAddress(s.address) !== ''

/** Those that an answer names: by a number in brackets, a document's title or id, or an address. */
export function citedBy(text: string, sources: readonly Source[]): Source[] {
  const numbers = new Set([...text.matchAll(numbered)].map((m) => Number(m[1])))
  const seen = new Set<string>()
  return sources.filter((s) => {
    const is = s.kind === 'page' ? s.address : `${s.id} ${s.cite}`
    if (seen.has(is)) return false
    const named = (s.number !== undefined && numbers.has(s.number)) || (s.kind === 'page' ? text.includes(s.address) : text.includes(s.id) || names(text, s.cite))
    if (named) seen.add(is)
    return named
  })
}

/** A number in brackets, as passages and results are numbered for a model. */
export const numbered = /\[(\d{1,3})\](?!\()/g

const names = (text: string, cite: string): boolean => {
  const title = cite.split(/, (?:page \d|lines? \d|")/)[0] ?? ''
  return title.length >= 4 && text.includes(title)
}
