import { language } from '.'

const numbers = new Intl.NumberFormat(language)
const short = new Intl.NumberFormat(language, { notation: 'compact', maximumFractionDigits: 1 })
const moments = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' })
const exactMoments = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' })
const days = new Intl.DateTimeFormat(language, { dateStyle: 'medium' })
const distances = new Intl.RelativeTimeFormat(language, { numeric: 'auto', style: 'short' })

export const number = (n: number): string => numbers.format(n)

/** A number that need not be exact: 12.3K. */
export const about = (n: number): string => short.format(n)

export const moment = (at: string): string => moments.format(new Date(at))
export const exactly = (at: string): string => exactMoments.format(new Date(at))
export const day = (at: string): string => days.format(new Date(at))

/** How long ago, or until when: 3 min ago. */
export function ago(at: string, now = Date.now()): string {
  const s = (new Date(at).getTime() - now) / 1000
  for (const [unit, seconds] of [['day', 86_400], ['hour', 3_600], ['minute', 60]] as const) {
    if (Math.abs(s) >= seconds) return distances.format(Math.trunc(s / seconds), unit)
  }
  return distances.format(Math.trunc(s), 'second')
}

/** A duration in milliseconds, for people: 1 min 12 s. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  const s = ms / 1000
  if (s < 60) return `${s.toFixed(s < 10 ? 1 : 0)} s`
  const m = Math.floor(s / 60)
  return m < 60 ? `${m} min ${Math.round(s % 60)} s` : `${Math.floor(m / 60)} h ${m % 60} min`
}

export function bytes(n: number): string {
  for (const [unit, size] of [['GiB', 2 ** 30], ['MiB', 2 ** 20], ['KiB', 2 ** 10]] as const) {
    if (n >= size) return `${(n / size).toFixed(1)} ${unit}`
  }
  return `${n} B`
}

/** Credits, which the API counts in millionths. */
export function credits(micro: number): string {
  const n = micro / 1e6
  return numbers.format(Math.abs(n) >= 1 ? Math.round(n * 100) / 100 : Math.round(n * 1e6) / 1e6)
}
