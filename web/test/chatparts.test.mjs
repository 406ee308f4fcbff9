// What a conversation is made of, by itself, without a browser: its branches, the blocks of an answer that grows, and what it refers to.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import ts from 'typescript'

/** A file that imports nothing but types and what is given for it here. */
async function load(name, given = {}) {
  const source = readFileSync(new URL(`../src/${name}.ts`, import.meta.url), 'utf8')
  let { outputText } = ts.transpileModule(source, { compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 } })
  for (const [from, to] of Object.entries(given)) outputText = outputText.replace(`'${from}'`, JSON.stringify(to))
  const url = `data:text/javascript,${encodeURIComponent(outputText)}`
  return { url, ...(await import(url)) }
}
const { branchOf } = await load('pages/chat/branch')
const { blocks } = await load('pages/chat/blocks')
const away = await load('ui/away')
const sources = await load('pages/chat/sources', { '../../ui/away': away.url })
const { references } = await load('pages/chat/references', { './sources': sources.url })

const message = (id, parent) => ({ id, parent })
const ids = (branch) => branch.map((s) => s.message.id).join(' ')
//  a - A - b - B
//        \ c - C - d
//  e - E
const tree = [message('a'), message('A', 'a'), message('b', 'A'), message('B', 'b'), message('c', 'A'), message('C', 'c'), message('e'), message('E', 'e'), message('d', 'C')]

test('a branch goes from the first message to the newest below the one that is chosen', () => {
  assert.equal(ids(branchOf(tree, '')), 'a A c C d')
  assert.equal(ids(branchOf(tree, 'b')), 'a A b B')
  assert.equal(ids(branchOf(tree, 'a')), 'a A c C d')
  assert.equal(ids(branchOf(tree, 'e')), 'e E')
  assert.equal(ids(branchOf(tree, 'gone')), 'a A c C d')
  assert.equal(ids(branchOf([], '')), '')
  assert.deepEqual(branchOf(tree, 'b').map((s) => s.among.map((m) => m.id)), [['a', 'e'], ['A'], ['b', 'c'], ['B']])
})

const growing = 'One\ntwo.\n\n- a\n\n  more\n\n- b\n\nA paragraph.\n\n# Head\n\n```js\nx\n\nNot a block\n```\n\nAfter it\n\n> q\n\n| a |\n| - |\n\n~~~\n```\n\nStill code\n~~~\n\n3. three\n'

test('blocks are all of the text, and what is fenced or goes on with a list is not cut', () => {
  assert.equal(blocks(growing).join(''), growing)
  assert.deepEqual(blocks(growing).map((b) => b.trim().split('\n')[0]), ['One', 'A paragraph.', '# Head', '```js', 'After it', '~~~'])
  assert.deepEqual(blocks(''), [''])
})

test('the blocks before the last stay as they are, however the text grows', () => {
  let before = []
  for (let n = 1; n <= growing.length; n++) {
    const now = blocks(growing.slice(0, n))
    assert.deepEqual(now.slice(0, before.length), before, growing.slice(0, n))
    // A line that has only begun may be another than it seems; those before it are whole.
    before = growing[n - 1] === '\n' ? now.slice(0, -1) : before
  }
})

const call = (tool, data, more = {}) => ({ kind: 'tool', key: 1, tool, state: 'done', data, ...more })
const recalled = call('recall', { passages: [{ id: 'doc_1', cite: 'Handbook, page 3', text: 'thirty' }, { id: 'mem_1', cite: 'A fact', text: 'blue' }] })
const searched = call('web_search', { results: [{ title: 'One', url: 'https://one.example/' }, { title: 'Bad', url: 'javascript:alert(1)' }] }, { key: 2 })
const fetched = call('web_fetch', { address: 'https://two.example/page', title: 'Two' }, { key: 3 })

test('sources are what tools of memory and of the web have found, whatever else says it has', () => {
  const all = sources.sourcesOf([recalled, searched, fetched, call('http_get', { passages: [{ id: 'doc_9', cite: 'x', text: 'y' }] }), call('recall', 'text'), call('recall', { passages: 'x' }), call('recall', null), { kind: 'note' }, { ...recalled, state: 'failed' }])
  assert.deepEqual(all.map((s) => [s.kind, s.number, s.id ?? s.address]), [['passage', 1, 'doc_1'], ['passage', 2, 'mem_1'], ['page', 1, 'https://one.example/'], ['page', undefined, 'https://two.example/page']])
})

test('an answer cites what it numbers, or names by its title, id or address, each once', () => {
  const all = sources.sourcesOf([recalled, { ...recalled, key: 9 }, searched, fetched])
  const cited = (text) => sources.citedBy(text, all).map((s) => s.id ?? s.address)
  assert.deepEqual(cited('It is so [2].'), ['mem_1'])
  assert.deepEqual(cited('See the Handbook.'), ['doc_1'])
  assert.deepEqual(cited('See doc_1 and https://two.example/page.'), ['doc_1', 'https://two.example/page'])
  assert.deepEqual(cited('[1](https://elsewhere.example) and [12]'), [])
})

test('only addresses of the web and of mail are safe', () => {
  for (const bad of ['javascript:alert(1)', ' JaVaScRiPt:alert(1)', 'java\nscript:alert(1)', 'data:text/html,x', 'vbscript:x', 'file:///etc/passwd', '/v1/session', '//evil.example', 'blob:https://x/y', '']) assert.equal(away.safeAddress(bad), '', bad)
  for (const good of ['https://example.com/', 'http://example.com/a?b#c', 'mailto:a@example.org']) assert.equal(away.safeAddress(good), good)
})

test('a number in brackets is a reference where there is something of it, and neither in code nor in a link', () => {
  const text = (value) => ({ type: 'text', value })
  const tree = { type: 'root', children: [{ type: 'paragraph', children: [text('a [1][2] b [9] '), { type: 'emphasis', children: [text('[2]')] }, { type: 'inlineCode', value: '[1]' }, { type: 'link', children: [text('[1]')] }] }] }
  references(new Set([1, 2]))()(tree)
  const shown = (n) => (n.type === 'reference' ? `<${n.data.hProperties.title}>` : (n.value ?? n.children.map(shown).join('')))
  assert.equal(shown(tree), 'a <1><2> b [9] <2>[1][1]')
})
