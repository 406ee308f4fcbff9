import { refused } from './refused'

/** A file of an archive. */
export interface Packed {
  path: string
  data: Blob
}

const block = 512

/** Packs files as tar.gz (POSIX.1-1988, ustar), each to be read by all. What begins with #! may be run. */
export async function tarGz(files: readonly Packed[]): Promise<Blob> {
  const parts: BlobPart[] = []
  for (const { path, data } of files) {
    const begins = new Uint8Array(await data.slice(0, 2).arrayBuffer())
    parts.push(header(path, data.size, begins[0] === 0x23 && begins[1] === 0x21), data, new Uint8Array((block - (data.size % block)) % block))
  }
  parts.push(new Uint8Array(2 * block))
  return new Response(new Blob(parts).stream().pipeThrough(new CompressionStream('gzip'))).blob()
}

function header(path: string, size: number, runs: boolean): Uint8Array<ArrayBuffer> {
  const h = new Uint8Array(block)
  const put = (text: string, at: number) => h.set(new TextEncoder().encode(text), at)
  const octal = (n: number, digits: number) => n.toString(8).padStart(digits, '0')
  const [prefix, name] = split(path)
  put(name, 0)
  put(octal(runs ? 0o755 : 0o644, 7), 100)
  put(octal(0, 7), 108)
  put(octal(0, 7), 116)
  put(octal(size, 11), 124)
  put(octal(0, 11), 136)
  put('        0', 148)
  put('ustar\x0000', 257)
  put(prefix, 345)
  put(`${octal(h.reduce((sum, b) => sum + b, 0), 6)}\0 `, 148)
  return h
}

/** A path's folder and name, of which a header has room for 155 and 100 bytes. */
function split(path: string): [string, string] {
  const length = (s: string) => new TextEncoder().encode(s).length
  if (length(path) <= 100) return ['', path]
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
    if (length(path.slice(0, at)) <= 155 && length(path.slice(at + 1)) <= 100) return [path.slice(0, at), path.slice(at + 1)]
  }
  throw refused(`The path is too long: ${path}`)
}
