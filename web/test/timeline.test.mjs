// How a task's events add up to what the timeline shows: the reducer by itself, without a browser.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import ts from 'typescript'

// It imports nothing but types, so that it runs as it is.
const source = readFileSync(new URL('../src/timeline/fold.ts', import.meta.url), 'utf8')
const { outputText } = ts.transpileModule(source, { compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 } })
const { fold, nothing } = await import(`data:text/javascript,${encodeURIComponent(outputText)}`)

/** Events from [type, data] pairs, a second apart. */
function events(...facts) {
  return facts.map(([type, data], i) => ({ version: i + 1, type, data, at: new Date(Date.UTC(2026, 0, 1) + i * 1000).toISOString() }))
}

const created = ['task.created', { kind: 'app', prompt: 'a list', model: 'm', limits: {} }]
const planned = ['task.planned', { plan: { title: 'P', steps: [{ title: 'one' }, { title: 'two', goal: 'g' }] } }]
const started = (step, attempt = 1) => ['step.started', { step, attempt, title: ['one', 'two'][step] }]
const asks = (id, tool = 'write_file') => ['tool.requested', { call: { id, tool, subject: `${id}.txt`, arguments: { text: '{}' } }, effect: 'idempotent' }]
const settles = (call, more = {}) => ['tool.settled', { call, output: { text: 'ok' }, ...more }]
const verdict = (step, verdict, attempt = 1) => ['verdict.given', { step, attempt, verdict, reason: 'because' }]
const state = (...facts) => events(...facts).reduce(fold, nothing)

test('steps go from waiting by running to done, and calls are in the attempt at hand', () => {
  const s = state(created, planned, started(0), asks('a'), settles('a'), verdict(0, 'SUCCESS'), started(1), asks('b'))
  const { steps } = s.phases[0]
  assert.equal(s.status, 'running')
  assert.deepEqual(steps.map((step) => step.state), ['done', 'running'])
  assert.deepEqual(steps.map((step) => step.attempts[0].entries.map((e) => [e.kind, e.tool, e.subject, e.state])), [[['tool', 'write_file', 'a.txt', 'done']], [['tool', 'write_file', 'b.txt', 'running']]])
  assert.equal(steps[0].attempts[0].verdict.reason, 'because')
})

test('an event that is told twice counts once, and one of an unknown type breaks nothing', () => {
  const all = events(created, planned, started(0), asks('a'), ['something.new', { x: 1 }], settles('a'))
  const once = all.reduce(fold, nothing)
  assert.deepEqual([...all, ...all].reduce(fold, nothing), once)
  assert.equal(once.version, 6)
})

test('nothing that it is given is changed, and what an event does not touch stays the same object', () => {
  const freeze = (v) => (v && typeof v === 'object' && (Object.freeze(v), Object.values(v).forEach(freeze)), v)
  const before = freeze(state(created, planned, started(0), asks('a'), settles('a'), verdict(0, 'SUCCESS'), started(1)))
  const after = fold(before, freeze({ version: before.version + 1, at: '', type: 'tool.requested', data: asks('b')[1] }))
  assert.notEqual(after.phases[0].steps[1], before.phases[0].steps[1])
  assert.equal(after.phases[0].steps[0], before.phases[0].steps[0])
})

test('a step that is tried again has each attempt, and a new plan is a phase of its own', () => {
  const s = state(created, planned, started(0), verdict(0, 'RETRY'), started(0, 2), verdict(0, 'REPLAN', 2), ['model.requested', { call: 'm1', purpose: 'plan', model: 'm' }], ['task.planned', { plan: { title: 'Q', steps: [{ title: 'three' }] } }])
  assert.deepEqual(s.phases.map((p) => p.plan.title), ['P', 'Q'])
  assert.deepEqual(s.phases[0].steps[0].attempts.map((a) => a.verdict.verdict), ['RETRY', 'REPLAN'])
  assert.equal(s.phases[0].steps[0].state, 'failed')
  assert.equal(s.phases[1].before[0].purpose, 'plan')
  assert.equal(s.phases[1].steps[0].state, 'waiting')
})

test('what a model says is put together by offset; a call that begins anew begins anew', () => {
  const says = (offset, text) => ['model.streamed', { call: 'm1', offset, text }]
  const asked = ['model.requested', { call: 'm1', purpose: 'work', model: 'm' }]
  const said = (...facts) => state(created, planned, started(0), asked, ...facts).phases[0].steps[0].attempts[0].entries[0]
  assert.equal(said(says(0, 'Hello '), says(6, 'wörld'), says(12, '!')).parts.map((p) => p.text).join(''), 'Hello wörld!')
  assert.equal(said(says(0, 'Hello '), says(6, 'all'), asked, says(0, 'Good day')).parts.map((p) => p.text).join(''), 'Good day')
  const whole = said(says(0, 'Hel'), ['model.settled', { call: 'm1', text: { text: 'Hello' }, usage: {} }])
  const failed = said(says(0, 'Hel'), ['model.settled', { call: 'm1', text: {}, error: { code: 'canceled', msg: 'canceled' }, usage: {} }])
  assert.deepEqual(failed.parts.map((p) => p.text), ['Hel'])
  assert.deepEqual([whole.parts, whole.text], [[], { content: { text: 'Hello' }, version: 6 }])
})

test('a question waits, and is answered; one that was refused shows what it was about', () => {
  const ask = ['approval.requested', { call: 'a', why: 'permission', question: 'May I?', tool: 'command', subject: 'rm -rf /' }]
  const waiting = state(created, planned, started(0), ask)
  assert.deepEqual([waiting.status, waiting.open.call], ['waiting', 'a'])
  const s = state(created, planned, started(0), ask, ['approval.answered', { call: 'a', answer: 'deny', text: 'no' }], settles('a', { denied: true, failed: true }))
  const [approval, tool] = s.phases[0].steps[0].attempts[0].entries
  assert.equal(approval.answer.text, 'no')
  assert.deepEqual([tool.tool, tool.subject, tool.state], ['command', 'rm -rf /', 'denied'])
  assert.deepEqual([s.status, s.open], ['running', undefined])
})

test('whether an app is there follows its publishing, and that being taken back', () => {
  const publish = [asks('p', 'publish_app'), settles('p')]
  assert.equal(state(created, planned, started(0), ...publish).published, true)
  assert.equal(state(created, planned, started(0), asks('p', 'publish_app'), settles('p', { failed: true })).published, false)
  assert.equal(state(created, planned, started(0), ...publish, verdict(0, 'ABORT'), asks('r', 'retract_app'), settles('r')).published, false)
})

test('the end is the end', () => {
  const s = state(created, planned, ['task.cancel_requested', { reason: 'enough' }], ['task.finished', { status: 'canceled', summary: 'canceled', answer: {} }])
  assert.deepEqual([s.status, s.finished.summary, s.canceling, s.phases[0].after[0].what], ['canceled', 'canceled', true, 'canceling'])
})

test('ten thousand events are folded in a moment', () => {
  const calls = Array.from({ length: 5000 }, (_, i) => [asks(`c${i}`), settles(`c${i}`)]).flat()
  const from = performance.now()
  const s = state(created, planned, started(0), ...calls)
  assert.equal(s.phases[0].steps[0].attempts[0].entries.length, 5000)
  assert.ok(performance.now() - from < 5000, `${performance.now() - from} ms`)
})
