import type { Event, EventData } from '../api/schema'
import type { Attempt, Entry, ModelCall, Note, Phase, Step, TaskState, ToolCall } from './state'

// Only types are imported: the tests run this file by itself.

export const nothing: TaskState = { version: 0, status: 'queued', createdAt: '', at: '', phases: [], canceling: false, published: false, tried: false }

/**
 * The state after one more event of the task. It is pure, and what an event doesn't touch stays the same
 * object, so that what is drawn of it needn't be drawn again. An event that was told before changes nothing;
 * one of a type that isn't known counts and shows nothing.
 */
export function fold(state: TaskState, event: Event): TaskState {
  if (event.version <= state.version) return state
  const s: TaskState = { ...state, version: event.version, at: event.at }
  const apply = (transitions as Record<string, Transition<never> | undefined>)[event.type]
  return apply ? apply(s, event.data as never, event) : s
}

type Transition<T> = (s: TaskState, data: T, e: Event) => TaskState

const transitions: { [T in keyof EventData]?: Transition<NonNullable<EventData[T]>> } = {
  'task.created': (s, created, e) => ({ ...s, created, createdAt: e.at, status: 'queued' }),
  'intent.routed': (s, data, e) => note(s, e, { what: 'routed', data }),
  'credits.refused': (s, data, e) => note(s, e, { what: 'refused', data }),
  'model.switched': (s, data, e) => note(begin(s, e), e, { what: 'switched', data }),
  'task.forked': (s, data, e) => note({ ...s, status: 'running', finished: undefined, finishedAt: undefined, open: undefined }, e, { what: 'forked', data }),
  'task.cancel_requested': (s, data, e) => note({ ...s, canceling: true, open: undefined, status: s.status === 'waiting' ? 'running' : s.status }, e, { what: 'canceling', data }),
  'task.planned': (s, { plan }, e) => {
    const steps = (plan.steps ?? []).map((step): Step => ({ title: step.title, goal: step.goal ?? '', aside: false, attempts: [], state: 'waiting' }))
    const at = s.phases.at(-1)?.plan ? begin(s, e) : withPhase(s, e)
    return last({ ...at, status: 'running' }, (phase) => ({ ...phase, plan, steps }))
  },
  'step.started': (s, data, e) =>
    step({ ...withPhase(s, e), status: 'running' }, data.step, data.title, (was) => ({
      ...was,
      title: data.title || was.title,
      aside: data.beside ?? false,
      state: 'running',
      attempts: [...was.attempts, { number: data.attempt, at: e.at, entries: [] }],
    })),
  'steps.joined': (s, data, e) => ((data.conflicts ?? []).length > 0 ? note(s, e, { what: 'joined', data }) : s),
  'model.requested': (s, data, e) => {
    if (find(s, 'model', data.call)) return s // once more, after a crash
    return add({ ...s, status: 'running' }, e, { kind: 'model', key: e.version, at: e.at, ...data, parts: [], asks: [] })
  },
  'model.streamed': (s, data) =>
    amend(s, 'model', data.call, (m) => ({ ...m, parts: [...m.parts.filter((p) => p.offset < data.offset), { offset: data.offset, text: data.text }] })),
  'model.settled': (s, data, e) =>
    amend(s, 'model', data.call, (m): ModelCall => ({
      ...m,
      model: data.model || m.model,
      parts: data.text.blob || (data.error && !data.text.text) ? m.parts : [], // what is known of a text that is long, or was cut off
      text: { content: data.text, version: e.version },
      asks: data.calls ?? [],
      error: data.error,
      until: e.at,
    })),
  'tool.requested': (s, { call, undo }, e) => {
    const running = { ...s, status: 'running', open: undefined } as const
    const known = { arguments: { content: call.arguments, version: e.version }, state: 'running', tool: call.tool, subject: call.subject ?? '' } as const
    if (find(s, 'tool', call.id)) return amend(running, 'tool', call.id, (t): ToolCall => ({ ...t, ...known }))
    return add(running, e, { kind: 'tool', key: e.version, at: e.at, call: call.id, undo: undo ?? false, ...known })
  },
  'tool.settled': (s, data, e) => {
    let next: TaskState = { ...s, open: undefined }
    if (!find(s, 'tool', data.call)) next = add(next, e, asked(s, data.call, e)) // nothing has run
    const ok = !data.failed && !data.error && !data.denied
    const tool = find(next, 'tool', data.call)?.tool
    if (ok && tool === 'publish_app') next = { ...next, published: true }
    if (ok && tool === 'retract_app') next = { ...next, published: false }
    if (ok && tool === 'preview_app') next = { ...next, tried: true }
    if (data.evidence?.kind === 'tests') next = { ...next, tests: data.evidence }
    return amend(next, 'tool', data.call, (t): ToolCall => ({
      ...t,
      state: data.denied ? 'denied' : ok ? 'done' : 'failed',
      output: { content: data.output, version: e.version },
      data: data.data,
      evidence: data.evidence,
      error: data.error,
      until: e.at,
    }))
  },
  'subtask.finished': (s, data, e) => (find(s, 'tool', data.call) ? amend(s, 'tool', data.call, (t): ToolCall => ({ ...t, subtask: data })) : note(s, e, { what: 'subtask', data })),
  'approval.requested': (s, asked, e) => add({ ...s, status: 'waiting', open: asked }, e, { kind: 'approval', key: e.version, at: e.at, asked }),
  'approval.answered': (s, answer) => amend({ ...s, status: 'running', open: undefined }, 'approval', answer.call, (a) => ({ ...a, answer })),
  'verdict.given': (s, v, e) => {
    if (!s.phases.at(-1)?.steps[v.step]) return note(s, e, { what: 'verdict', data: v })
    const judged = step(s, v.step, '', (was) => ({
      ...was,
      state: v.verdict === 'SUCCESS' ? 'done' : v.verdict === 'RETRY' ? 'waiting' : 'failed',
      attempts: was.attempts.length > 0 ? was.attempts.with(-1, { ...was.attempts.at(-1)!, verdict: v, until: e.at }) : [{ number: v.attempt, at: e.at, until: e.at, entries: [], verdict: v }],
    }))
    return v.verdict === 'REPLAN' ? begin(judged, e) : judged
  },
  'task.finished': (s, finished, e) => ({ ...s, finished, finishedAt: e.at, status: finished.status as TaskState['status'], open: undefined }),
}

/** A new phase. */
function begin(s: TaskState, e: Event): TaskState {
  return { ...s, phases: [...s.phases, { key: e.version, before: [], steps: [], after: [] }] }
}

function withPhase(s: TaskState, e: Event): TaskState {
  return s.phases.length > 0 ? s : begin(s, e)
}

function last(s: TaskState, change: (phase: Phase) => Phase): TaskState {
  return s.phases.length > 0 ? { ...s, phases: s.phases.with(-1, change(s.phases.at(-1)!)) } : s
}

/** Changes a step of the plan at hand, which is made longer if it hasn't that many. */
function step(s: TaskState, index: number, title: string, change: (step: Step) => Step): TaskState {
  if (index < 0 || index > 999) return s
  return last(s, (phase) => {
    const steps = [...phase.steps]
    while (steps.length <= index) steps.push({ title, goal: '', aside: false, attempts: [], state: 'waiting' })
    steps[index] = change(steps[index]!)
    return { ...phase, steps }
  })
}

/** Adds an entry to the attempt that is under way, or before or after the plan's steps. */
function add(s: TaskState, e: Event, entry: Entry): TaskState {
  return last(withPhase(s, e), (phase) => {
    const at = phase.steps.findLastIndex(open)
    if (at >= 0) return inStep(phase, at, -1, (a) => ({ ...a, entries: [...a.entries, entry] }))
    return phase.plan ? { ...phase, after: [...phase.after, entry] } : { ...phase, before: [...phase.before, entry] }
  })
}

function open(step: Step): boolean {
  const attempt = step.attempts.at(-1)
  return !step.aside && attempt !== undefined && !attempt.verdict
}

function inStep(phase: Phase, at: number, attempt: number, change: (a: Attempt) => Attempt): Phase {
  const was = phase.steps[at]!
  return { ...phase, steps: phase.steps.with(at, { ...was, attempts: was.attempts.with(attempt, change(was.attempts.at(attempt)!)) }) }
}

type Noted = Note extends infer N ? (N extends Note ? Omit<N, 'kind' | 'key' | 'at'> : never) : never

function note(s: TaskState, e: Event, what: Noted): TaskState {
  return add(s, e, { kind: 'note', key: e.version, at: e.at, ...what } as Note)
}

type Kind = Exclude<Entry['kind'], 'note'>
type Of<K extends Kind> = Extract<Entry, { kind: K }>

function callOf(entry: Entry): string {
  return entry.kind === 'note' ? '' : entry.kind === 'approval' ? entry.asked.call : entry.call
}

function is<K extends Kind>(entry: Entry, kind: K, call: string): entry is Of<K> {
  return entry.kind === kind && callOf(entry) === call
}

/** Where a call's entry is, from the newest back: mostly it is among the last. */
function lists(s: TaskState, see: (list: readonly Entry[], put: (list: readonly Entry[]) => Phase, phase: number) => boolean): void {
  for (let p = s.phases.length - 1; p >= 0; p--) {
    const phase = s.phases[p]!
    if (see(phase.after, (after) => ({ ...phase, after }), p)) return
    for (let i = phase.steps.length - 1; i >= 0; i--) {
      const { attempts } = phase.steps[i]!
      for (let a = attempts.length - 1; a >= 0; a--) {
        if (see(attempts[a]!.entries, (entries) => inStep(phase, i, a, (attempt) => ({ ...attempt, entries })), p)) return
      }
    }
    if (see(phase.before, (before) => ({ ...phase, before }), p)) return
  }
}

/** What is asked for again, settled or answered is among the newest: a task does one thing at a time. */
const near = 200

/** Where a call's entry is in a list, of which no more than `look` are looked at; -1: not among these. */
function indexIn(list: readonly Entry[], kind: Kind, call: string, look: number): number {
  for (let i = list.length - 1; i >= Math.max(list.length - look, 0); i--) if (is(list[i]!, kind, call)) return i
  return -1
}

function find<K extends Kind>(s: TaskState, kind: K, call: string): Of<K> | undefined {
  let found: Of<K> | undefined
  let left = near
  lists(s, (list) => {
    found = list[indexIn(list, kind, call, left)] as Of<K> | undefined
    left -= list.length
    return found !== undefined || left <= 0
  })
  return found
}

function amend<K extends Kind>(s: TaskState, kind: K, call: string, change: (entry: Of<K>) => Of<K>): TaskState {
  let next = s
  let left = near
  lists(s, (list, put, p) => {
    const i = indexIn(list, kind, call, left)
    left -= list.length
    if (i < 0) return left <= 0
    next = { ...s, phases: s.phases.with(p, put(list.with(i, change(list[i] as Of<K>)))) }
    return true
  })
  return next
}

/** A call that was refused before it ran: what is known of it is what the model, or the question to a person, said. */
function asked(s: TaskState, call: string, e: Event): ToolCall {
  const entry: ToolCall = { kind: 'tool', key: e.version, at: e.at, call, tool: '', subject: '', undo: false, state: 'running' }
  const question = find(s, 'approval', call)?.asked
  if (question) return { ...entry, tool: question.tool ?? '', subject: question.subject ?? '' }
  let known = entry
  lists(s, (list) => {
    for (const m of list) {
      const ask = m.kind === 'model' && m.asks.find((a) => a.id === call)
      if (ask) known = { ...entry, tool: ask.tool, subject: ask.subject ?? '' }
    }
    return known !== entry
  })
  return known
}
