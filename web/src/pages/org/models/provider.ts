import type { ModelProvider, NewModelProvider } from '../../../api/schema'

/** A provider as its form has it: numbers as they are typed, times in seconds. */
export interface Draft {
  name: string
  kind: NewModelProvider['kind']
  address: string
  apiVersion: string
  credential: string
  models: { name: string; input: string | number; output: string | number }[]
  others: boolean
  extras: boolean
  off: boolean
  note: string
  speaks: string[]
  headers: string
  limits: Record<'concurrent' | 'failures' | 'failures_of' | 'open', string | number>
  timeouts: Record<'connect' | 'first' | 'idle' | 'total', string | number>
}

const seconds = (ms: number | undefined) => (ms ? ms / 1000 : '')

export function draftOf(p: ModelProvider | undefined): Draft {
  return {
    name: p?.name ?? '',
    kind: p?.kind ?? 'openai',
    address: p?.address ?? '',
    apiVersion: p?.api_version ?? '',
    credential: p?.credential ?? '',
    models: (p?.models ?? []).map((m) => ({ name: m.name, input: m.price?.input !== undefined ? m.price.input / 1e6 : '', output: m.price?.output !== undefined ? m.price.output / 1e6 : '' })),
    others: p?.others ?? false,
    extras: p?.extras ?? false,
    off: p?.off ?? false,
    note: p?.note ?? '',
    speaks: p?.speaks ?? [],
    headers: Object.entries(p?.headers ?? {}).map(([k, v]) => `${k}: ${v}`).join('\n'),
    limits: { concurrent: p?.limits?.concurrent ?? '', failures: p?.limits?.failures ?? '', failures_of: p?.limits?.failures_of ?? '', open: seconds(p?.limits?.open_ms) },
    timeouts: { connect: seconds(p?.timeouts?.connect_ms), first: seconds(p?.timeouts?.first_ms), idle: seconds(p?.timeouts?.idle_ms), total: seconds(p?.timeouts?.total_ms) },
  }
}

const count = (n: string | number) => Math.round(Number(n) || 0)
const ms = (n: string | number) => Math.round((Number(n) || 0) * 1000)
const micro = (n: string | number) => Math.round((Number(n) || 0) * 1e6)

/** What the API is asked for. What the form doesn't show of a model's price stays as it was. */
export function wanted(d: Draft, credential: string, from: ModelProvider | undefined): NewModelProvider {
  const headers = Object.fromEntries(d.headers.split('\n').map((line) => line.split(/:(.*)/s)).filter(([k, v]) => k?.trim() && v !== undefined).map(([k, v]) => [k!.trim(), v!.trim()]))
  return {
    kind: d.kind,
    address: d.address.trim(),
    api_version: d.apiVersion.trim(),
    credential,
    headers,
    others: d.others,
    extras: d.extras,
    off: d.off,
    note: d.note,
    speaks: d.speaks,
    models: d.models
      .filter((m) => m.name.trim())
      .map((m) => {
        const before = (from?.models ?? []).find((x) => x.name === m.name)?.price
        return { name: m.name.trim(), ...(m.input !== '' || m.output !== '' ? { price: { ...before, input: micro(m.input), output: micro(m.output) } } : {}) }
      }),
    limits: { concurrent: count(d.limits.concurrent), failures: count(d.limits.failures), failures_of: count(d.limits.failures_of), open_ms: ms(d.limits.open) },
    timeouts: { connect_ms: ms(d.timeouts.connect), first_ms: ms(d.timeouts.first), idle_ms: ms(d.timeouts.idle), total_ms: ms(d.timeouts.total) },
  }
}

/** Whereto alone a key for this address may be sent: a secret says its hosts, but for a kind's usual address. */
export function hostsOf(address: string): string[] {
  try {
    const u = new URL(address.includes('://') ? address : `http://${address}`)
    return [u.protocol === 'https:' ? u.host : `http://${u.hostname}:${u.port || '80'}`]
  } catch {
    return []
  }
}
