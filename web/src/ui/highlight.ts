import { common, createLowlight } from 'lowlight'
import { createElement, type ReactNode } from 'react'

// Loaded only where code is shown.
const lowlight = createLowlight(common)

const languages: Record<string, string> = {
  py: 'python', js: 'javascript', mjs: 'javascript', cjs: 'javascript', jsx: 'javascript', ts: 'typescript', tsx: 'typescript', json: 'json', css: 'css', scss: 'scss', less: 'less',
  html: 'xml', htm: 'xml', svg: 'xml', xml: 'xml', md: 'markdown', sh: 'bash', bash: 'bash', sql: 'sql', yml: 'yaml', yaml: 'yaml', toml: 'ini', ini: 'ini', go: 'go', rs: 'rust',
  java: 'java', kt: 'kotlin', swift: 'swift', c: 'c', h: 'c', cc: 'cpp', cpp: 'cpp', hpp: 'cpp', cs: 'csharp', php: 'php', rb: 'ruby', pl: 'perl', lua: 'lua', r: 'r', diff: 'diff', graphql: 'graphql', makefile: 'makefile',
}

type Node = ReturnType<typeof lowlight.highlight>['children'][number]

/** Code with its parts marked by their kinds; only the text of a language that isn't known. What it returns are elements and text, never HTML. */
export function highlight(path: string, code: string): ReactNode {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase()
  return highlightAs(languages[name.slice(name.lastIndexOf('.') + 1)] ?? '', code)
}

/** The same for code whose language is known by its name. */
export function highlightAs(language: string, code: string): ReactNode {
  if (!lowlight.registered(language)) return code
  return lowlight.highlight(language, code).children.map(shown)
}

function shown(node: Node, key: number): ReactNode {
  if (node.type === 'text') return node.value
  if (node.type !== 'element') return null
  const names = node.properties.className
  return createElement('span', { key, className: Array.isArray(names) ? names.join(' ') : undefined }, node.children.map((child, i) => shown(child as Node, i)))
}
