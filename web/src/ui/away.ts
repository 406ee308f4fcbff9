/** Sends the browser to an address that somebody else has given; false if it is none of the web's. */
export function goTo(address: string): boolean {
  let url: URL
  try {
    url = new URL(address)
  } catch {
    return false
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return false
  location.assign(url.href)
  return true
}
