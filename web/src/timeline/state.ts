import type {
  EventApprovalAnswered, EventApprovalRequested, EventCallContent, EventContent, EventCreditsRefused, EventEvidence, EventFailure, EventIntentRouted, EventModelSwitched, EventPlan,
  EventStepsJoined, EventSubtaskFinished, EventTaskCancelRequested, EventTaskCreated, EventTaskFinished, EventTaskForked, EventVerdictGiven, Task,
} from '../api/schema'

/** A content of an event, and the event's version: a large one is asked for by that. */
export interface Kept {
  content: EventContent
  version: number
}

interface Told {
  /** The version of the event that began it: unique within the task. */
  key: number
  at: string
}

/** What a model was asked for. `parts` is what it has said so far, by offset; `text` all of it. */
export interface ModelCall extends Told {
  kind: 'model'
  call: string
  purpose: string
  model: string
  parts: readonly { offset: number; text: string }[]
  text?: Kept
  asks: readonly EventCallContent[]
  error?: EventFailure
  until?: string
}

/** One use of a tool. */
export interface ToolCall extends Told {
  kind: 'tool'
  call: string
  tool: string
  subject: string
  undo: boolean
  state: 'running' | 'done' | 'failed' | 'denied'
  arguments?: Kept
  output?: Kept
  /** What it found, as data; its shape is the tool's. */
  data?: unknown
  evidence?: EventEvidence
  error?: EventFailure
  /** Of a sub-task, what came of it. */
  subtask?: EventSubtaskFinished
  until?: string
}

/** Something that a person is asked, and the answer. */
export interface Approval extends Told {
  kind: 'approval'
  asked: EventApprovalRequested
  answer?: EventApprovalAnswered
}

/** Something else that is worth a line. */
export type Note = Told & { kind: 'note' } & (
    | { what: 'routed'; data: EventIntentRouted }
    | { what: 'refused'; data: EventCreditsRefused }
    | { what: 'switched'; data: EventModelSwitched }
    | { what: 'forked'; data: EventTaskForked }
    | { what: 'canceling'; data: EventTaskCancelRequested }
    | { what: 'joined'; data: EventStepsJoined }
    | { what: 'subtask'; data: EventSubtaskFinished }
    | { what: 'verdict'; data: EventVerdictGiven }
  )

export type Entry = ModelCall | ToolCall | Approval | Note

/** One try at a step; it is under way until it has a verdict. */
export interface Attempt {
  number: number
  at: string
  until?: string
  entries: readonly Entry[]
  verdict?: EventVerdictGiven
}

export interface Step {
  title: string
  goal: string
  /** It is worked on by a task of its own, beside others. */
  aside: boolean
  attempts: readonly Attempt[]
  state: 'waiting' | 'running' | 'done' | 'failed'
}

/** A plan and what became of it, with what led to it and what came after its steps. */
export interface Phase {
  key: number
  before: readonly Entry[]
  plan?: EventPlan
  steps: readonly Step[]
  after: readonly Entry[]
}

/** What a task's events add up to, for people. */
export interface TaskState {
  /** Of the last event; 0: none yet. */
  version: number
  status: Task['status']
  created?: EventTaskCreated
  createdAt: string
  at: string
  phases: readonly Phase[]
  /** What is asked and not answered. */
  open?: EventApprovalRequested
  canceling: boolean
  /** Whether the app's version stands, and whether it was started and tried. */
  published: boolean
  tried: boolean
  tests?: EventEvidence
  finished?: EventTaskFinished
  finishedAt?: string
}

export const terminal: readonly Task['status'][] = ['succeeded', 'failed', 'canceled']

/** All that a task has done, in order. */
export function entriesOf(state: TaskState): Entry[] {
  return state.phases.flatMap((p) => [...p.before, ...p.steps.flatMap((s) => s.attempts.flatMap((a) => a.entries)), ...p.after])
}
