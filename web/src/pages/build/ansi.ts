/** A part of a line that looks the same. */
export interface Part {
  text: string
  bold: boolean
  /** One of eight: black, red, green, yellow, blue, magenta, cyan, white; undefined: the usual. */
  color: number | undefined
}

// CSI sequences, OSC sequences (with titles and links), other escapes, and what is left of control characters.
// eslint-disable-next-line no-control-regex -- it is what is looked for
const escape = /\u001b\[([0-9;:]*)([ -/]*[@-~])|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[ -/]*[0-~]?|[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f]/g

/** A line of a terminal's output, by its colours and weights (ECMA-48, SGR). All other escapes are left out. */
export function parts(line: string): Part[] {
  const out: Part[] = []
  let bold = false
  let color: number | undefined
  let from = 0
  const push = (text: string) => {
    if (text) out.push({ text, bold, color })
  }
  for (const m of line.matchAll(escape)) {
    push(line.slice(from, m.index))
    from = m.index + m[0].length
    if (m[2] !== 'm') continue
    const codes = (m[1] ?? '').split(/[;:]/).map(Number)
    for (let i = 0; i < codes.length; i++) {
      const code = codes[i]!
      if (code === 0) {
        bold = false
        color = undefined
      } else if (code === 1) bold = true
      else if (code === 22) bold = false
      else if (code === 39) color = undefined
      else if (code >= 30 && code <= 37) color = code - 30
      else if (code >= 90 && code <= 97) color = code - 90
      else if (code === 38 || code === 48) i += codes[i + 1] === 5 ? 2 : codes[i + 1] === 2 ? 4 : 0 // colours by number: the usual one will do
    }
  }
  push(line.slice(from))
  return out
}
