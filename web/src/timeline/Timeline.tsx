import { Badge, Group, Loader, Text, UnstyledButton, VisuallyHidden } from '@mantine/core'
import { IconAlertTriangle, IconChevronDown, IconChevronRight, IconCircle, IconCircleCheckFilled, IconCircleXFilled } from '@tabler/icons-react'
import { memo, useState } from 'react'
import { Problem } from '../api/problem'
import type { EventTaskFinished, Problem as Refusal } from '../api/schema'
import { text } from '../text'
import { credits, duration } from '../text/format'
import { ProblemNote, sentence } from '../ui/ProblemNote'
import { Scrollable } from '../ui/Scrollable'
import { tone } from '../ui/tone'
import { Content } from './Content'
import { between, Entries } from './Entries'
import type { Attempt, Phase, Step, TaskState } from './state'
import { terminal } from './state'
import classes from './timeline.module.css'
import type { TaskEvents } from './useTaskEvents'

/**
 * A task as it goes: its plan, the steps with their attempts, tool calls, what models say, verdicts, what a
 * person is asked (with the answers to choose from), and the end.
 *
 *     const events = useTaskEvents(task)
 *     <Timeline events={events} />
 *
 * `ending={false}` leaves out how it ended, for who shows that elsewhere. A step that is under way, or has failed,
 * is unfolded; the others are by their heading. Nothing else is needed around it: it takes the width that it gets, and
 * scrolls with what it is in.
 */
export function Timeline({ events, ending = true }: { events: TaskEvents; ending?: boolean }) {
  const t = text.timeline
  const { task, state, problem } = events
  if (problem) return <ProblemNote error={new Problem(404, problem as Partial<Refusal>)} />
  const over = terminal.includes(state.status)
  return (
    <section aria-label={t.name}>
      <VisuallyHidden role="status">{events.whole ? now(state) : ''}</VisuallyHidden>
      {state.phases.map((phase, i) => (
        <OnePhase key={phase.key} task={task} phase={phase} again={state.phases.slice(0, i).some((p) => p.plan)} over={over} />
      ))}
      {!over && !state.phases.some((p) => p.plan || p.before.length > 0) && (
        <Group gap="xs" py={6}>
          <Loader size={14} aria-hidden />
          <Text size="sm" c="dimmed">{state.version === 0 ? t.waitingForFirst : state.status === 'queued' ? t.queued : t.planning}</Text>
        </Group>
      )}
      {ending && state.finished && <End task={task} state={state} finished={state.finished} />}
    </section>
  )
}

/** Where it is, in a sentence, for who listens. */
function now(state: TaskState): string {
  const t = text.timeline
  if (state.finished) return [t.end[state.finished.status], state.finished.summary].filter(Boolean).join(': ')
  if (state.open) return t.ask.title
  const steps = state.phases.at(-1)?.steps ?? []
  const at = steps.findLastIndex((s) => s.state === 'running')
  return at >= 0 ? t.stepAt(at + 1, steps.length, steps[at]!.title) : state.version > 0 ? t.planning : ''
}

const OnePhase = memo(function OnePhase({ task, phase, again, over }: { task: string; phase: Phase; again: boolean; over: boolean }) {
  const t = text.timeline
  const { plan, steps } = phase
  const done = steps.filter((s) => s.state === 'done').length
  return (
    <>
      {phase.before.length > 0 && <Entries task={task} entries={phase.before} />}
      {plan && (
        <div style={{ marginTop: 8 }}>
          <Group gap="xs" justify="space-between" wrap="nowrap" align="baseline">
            <Text fw={600} size="sm" className="words">{again ? `${t.nextPlan}: ${plan.title}` : t.planOf(plan.title)}</Text>
            <Text size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>{t.steps(done, steps.length)}</Text>
          </Group>
          {plan.summary && <Text size="sm" c="dimmed" className="words">{plan.summary}</Text>}
          {(plan.notes ?? []).map((note, i) => (
            <Text key={i} size="sm" className="words"><IconAlertTriangle size={14} aria-hidden style={{ verticalAlign: '-2px' }} /> {note}</Text>
          ))}
        </div>
      )}
      <ol className={classes.list}>
        {steps.map((step, i) => (
          <OneStep key={i} task={task} step={step} over={over} />
        ))}
      </ol>
      {phase.after.length > 0 && <Entries task={task} entries={phase.after} />}
    </>
  )
})

function StepIcon({ state }: { state: Step['state'] }) {
  const label = text.timeline.step[state]
  if (state === 'running') return <Loader size={16} aria-label={label} role="img" />
  if (state === 'done') return <IconCircleCheckFilled size={18} color={tone.good} role="img" aria-label={label} />
  if (state === 'failed') return <IconCircleXFilled size={18} color={tone.bad} role="img" aria-label={label} />
  return <IconCircle size={18} color="var(--mantine-color-dimmed)" role="img" aria-label={label} />
}

const OneStep = memo(function OneStep({ task, step, over }: { task: string; step: Step; over: boolean }) {
  const t = text.timeline
  const [chosen, setChosen] = useState<boolean | null>(null)
  const { attempts } = step
  const state = over && step.state === 'running' ? 'failed' : over && step.state === 'waiting' && attempts.length > 0 ? 'failed' : step.state
  const open = chosen ?? (attempts.length > 0 && (state === 'running' || state === 'failed' || (state === 'waiting' && attempts.length > 0)))
  const began = attempts[0]?.at
  const until = attempts.at(-1)?.until
  const Chevron = open ? IconChevronDown : IconChevronRight
  return (
    <li className={`${classes.step} ${state === 'running' ? classes.running : ''}`}>
      <UnstyledButton className={classes.head} aria-expanded={open} disabled={attempts.length === 0} onClick={() => setChosen(!open)}>
        <StepIcon state={state} />
        <Text span size="sm" fw={500} className="words" style={{ flex: 1, minWidth: 0 }}>{step.title}</Text>
        {attempts.length > 1 && <Badge size="sm" variant="default" tt="none">{t.attempts(attempts.length)}</Badge>}
        {began && until && state !== 'running' && <Text span size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>{duration(between(began, until))}</Text>}
        {attempts.length > 0 && <Chevron size={16} aria-hidden />}
      </UnstyledButton>
      {open && (
        <div className={classes.body}>
          {step.goal && <Text size="xs" c="dimmed" className="words">{step.goal}</Text>}
          {step.aside && <Text size="xs" c="dimmed">{t.aside}</Text>}
          {attempts.map((attempt, i) => (
            <OneAttempt key={i} task={task} attempt={attempt} named={attempts.length > 1} />
          ))}
        </div>
      )}
    </li>
  )
})

const OneAttempt = memo(function OneAttempt({ task, attempt, named }: { task: string; attempt: Attempt; named: boolean }) {
  const t = text.timeline
  const { verdict } = attempt
  const good = verdict?.verdict === 'SUCCESS'
  return (
    <>
      {named && <Text size="xs" fw={600} mt={6}>{t.attempt(attempt.number)}</Text>}
      <Entries task={task} entries={attempt.entries} />
      {verdict && (
        <div style={{ marginTop: 4 }}>
          <Badge size="sm" tt="none" variant="light" color={good ? 'green' : verdict.verdict === 'ABORT' ? 'red' : 'orange'}>{t.verdict[verdict.verdict] ?? verdict.verdict}</Badge>{' '}
          <Text span size="sm" className="words">{sentence(verdict.reason)}</Text>
          {verdict.feedback && verdict.feedback !== verdict.reason && <Scrollable pre className={classes.text}>{verdict.feedback}</Scrollable>}
        </div>
      )}
    </>
  )
})

function End({ task, state, finished }: { task: string; state: TaskState; finished: EventTaskFinished }) {
  const t = text.timeline
  const { answer, error, spent } = finished
  const good = finished.status === 'succeeded'
  const color = good ? tone.good : finished.status === 'failed' ? tone.bad : 'var(--mantine-color-dimmed)'
  const facts = [state.createdAt && state.finishedAt ? t.took(duration(between(state.createdAt, state.finishedAt))) : '', spent ? t.spent(credits(spent)) : ''].filter(Boolean).join(', ')
  return (
    <div className={classes.end} style={{ borderInlineStartColor: color }}>
      <Group gap={6} wrap="nowrap">
        {good ? <IconCircleCheckFilled size={18} color={color} aria-hidden /> : <IconAlertTriangle size={18} color={color} aria-hidden />}
        <Text size="sm" fw={600}>{t.end[finished.status] ?? finished.status}</Text>
        <Text size="xs" c="dimmed">{facts}</Text>
      </Group>
      {finished.summary && <Text size="sm" className="words">{sentence(finished.summary)}</Text>}
      {error && <Text size="sm" className="words">{[error.msg !== finished.summary ? error.msg : '', error.hint ?? ''].filter(Boolean).map(sentence).join(' ')}</Text>}
      {answer.text && answer.text !== finished.summary && <Text size="sm" className="words" style={{ whiteSpace: 'pre-wrap' }} mt={4}>{answer.text}</Text>}
      {answer.blob && <Content task={task} kept={{ content: answer, version: state.version }} pick={(data: EventTaskFinished) => data.answer} />}
    </div>
  )
}
