/**
 * Cuts Markdown that is still growing into blocks, each of which means the same by itself: so only the last has to be read
 * again when more comes. It cuts before a line at the margin that begins a paragraph or a heading after an empty line, outside of
 * fenced code; lists, quotes and tables stay with what is before them.
 */
export function blocks(text: string): string[] {
  const all: string[] = []
  let from = 0
  let fence = ''
  let empty = false
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\n', at)
    const line = text.slice(at, end < 0 ? text.length : end)
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1] ?? ''
    if (fence) {
      if (mark.startsWith(fence) && line.trim() === mark) fence = ''
    } else {
      if (empty && at > from && (mark ? /^\S/.test(line) : begins(line))) {
        all.push(text.slice(from, at))
        from = at
      }
      fence = mark
    }
    empty = !fence && line.trim() === ''
    if (end < 0) break
    at = end + 1
  }
  all.push(text.slice(from))
  return all
}

const begins = (line: string): boolean => /^(#{1,6}\s|[^\s\-*+>|\d[<:#`~])/.test(line)
