/** An address that a link may have; "" for what would do something else than to go there. */
export function safeAddress(address: string): string {
  try {
    const url = new URL(address)
    return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : ''
  } catch {
    return ''
  }
}

/** Sends the browser to an address that somebody else has given; false if it is none of the web's. */
export function goTo(address: string): boolean {
  const safe = safeAddress(address)
  if (!/^https?:/.test(safe)) return false
  location.assign(safe)
  return true
}
