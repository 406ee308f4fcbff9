import { numbered } from './sources'

/** A part of a Markdown document, as remark has it (mdast). */
interface Node {
  type: string
  value?: string
  children?: Node[]
  data?: { hName: string; hProperties: Record<string, string> }
}

const apart = new Set(['link', 'linkReference', 'definition', 'code', 'inlineCode'])

/** A plugin of remark that makes [3] a reference, where there is something of that number to refer to. */
export function references(known: ReadonlySet<number>) {
  return () => (tree: Node) => refer(tree, known)
}

function refer(node: Node, known: ReadonlySet<number>): void {
  node.children = node.children?.flatMap((child) => {
    if (child.type === 'text' && child.value) return parts(child.value, known)
    if (!apart.has(child.type)) refer(child, known)
    return [child]
  })
}

function parts(text: string, known: ReadonlySet<number>): Node[] {
  const all: Node[] = []
  let from = 0
  for (const m of text.matchAll(numbered)) {
    if (!known.has(Number(m[1]))) continue
    if (m.index > from) all.push({ type: 'text', value: text.slice(from, m.index) })
    all.push({ type: 'reference', children: [], data: { hName: 'cite', hProperties: { title: m[1]! } } })
    from = m.index + m[0].length
  }
  if (from < text.length || all.length === 0) all.push({ type: 'text', value: text.slice(from) })
  return all
}
