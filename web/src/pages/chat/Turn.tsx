import { Alert, Box, Button, Group, Loader, Text, Title, VisuallyHidden } from '@mantine/core'
import { IconAlertTriangle, IconAppWindow, IconChecklist, IconPlayerPlay, IconPlayerStop, IconRefresh } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { memo, useCallback, useMemo, useState } from 'react'
import { useApi } from '../../api/hooks'
import { useMay } from '../../api/me'
import { Problem } from '../../api/problem'
import type { EventTurn, Message, NewMessage, Problem as Refusal } from '../../api/schema'
import { text } from '../../text'
import { Entries } from '../../timeline/Entries'
import { Timeline } from '../../timeline/Timeline'
import { entriesOf, terminal } from '../../timeline/state'
import { type TaskEvents, useTaskEvents } from '../../timeline/useTaskEvents'
import { Details } from '../../ui/Details'
import { Copy } from './Copy'
import { Moment } from '../../ui/Moment'
import { ProblemNote, sentence } from '../../ui/ProblemNote'
import classes from './chat.module.css'
import { Markdown } from './Markdown'
import { type Part, partsOf, working } from './parts'
import { Reference, Sources } from './Cited'
import { citedBy, sourcesOf } from './sources'
import { useTurn } from './useTurn'
import { useWhole } from './whole'

type Route = NonNullable<NewMessage['route']>

/** What can be done with an answer. */
export interface TurnActions {
  /** Has what it answers answered once more, in a branch of its own. */
  again: (answer: Message, way: { route?: Route; skill?: string }) => void
  /** Says that it is to go on. */
  goOn: (answer: Message) => void
}

/** How a message is answered: what is said and done as it goes, and the answer once it is whole. */
export const Turn = memo(function Turn({ conversation, task, answer, n, actions, newest }: { conversation: string; task: string; answer: Message | undefined; n: number; actions: TurnActions | undefined; newest: boolean }) {
  const t = text.chat
  const { events, ref } = useTurn(task, answer !== undefined)
  const { state } = events
  const parts = useMemo(() => partsOf(state, answer?.error?.msg), [state, answer?.error?.msg])
  const sources = useMemo(() => sourcesOf(entriesOf(state)), [state])
  const numbers = useNumbers(sources)
  const [live] = useState(!answer)
  const over = answer !== undefined
  const last = parts.at(-1)
  // The last thing that was said is the answer, which comes with its message.
  const shown = over && answer.text && last?.kind === 'said' ? parts.slice(0, -1) : parts
  const said = answer?.text ?? (last?.kind === 'said' ? last.text : '')
  const cited = useMemo(() => (over ? citedBy(said, sources) : []), [over, said, sources])
  const refer = useCallback((number: number) => <Reference number={number} sources={sources} />, [sources])
  return (
    <article ref={ref} className={classes.turn} aria-labelledby={`said-${task}`}>
      <VisuallyHidden>
        <Title order={2} id={`said-${task}`}>
          {t.said(t.agent, n)}
        </Title>
      </VisuallyHidden>
      {live && <VisuallyHidden role="status">{over ? t.turn.there : now(events)}</VisuallyHidden>}
      {events.problem ? <ProblemNote error={new Problem(404, events.problem as Partial<Refusal>)} /> : null}
      {shown.map((part) => (
        <OnePart key={part.key} task={task} part={part} numbers={numbers} refer={refer} />
      ))}
      {over ? <Answer conversation={conversation} answer={answer} numbers={numbers} refer={refer} bare={shown.length === 0} /> : <Under events={events} last={last} />}
      <Sources sources={cited} />
      {over && <After answer={answer} said={said} turn={state.created?.turn} actions={actions} newest={newest} />}
    </article>
  )
})

/** The numbers that something was found by: the same set for as long as they are the same. */
function useNumbers(sources: ReturnType<typeof sourcesOf>): ReadonlySet<number> {
  const key = [...new Set(sources.map((s) => s.number ?? 0).filter(Boolean))].sort((a, b) => a - b).join(' ')
  return useMemo(() => new Set(key ? key.split(' ').map(Number) : []), [key])
}

/** Where it is, for who listens: not each word. */
function now({ state, whole }: TaskEvents): string {
  const t = text.chat.turn
  if (!whole || state.finished) return ''
  return state.open ? t.asks : t.thinking
}

interface Refer {
  numbers: ReadonlySet<number>
  refer: (n: number) => React.ReactNode
}

const OnePart = memo(function OnePart({ task, part, numbers, refer }: { task: string; part: Part } & Refer) {
  if (part.kind === 'said') return <Markdown source={part.text} growing={part.growing} numbers={numbers} refer={refer} />
  if (part.kind === 'work') return <Work task={part.task} running={part.call.state === 'running'} />
  return (
    <Box my={4}>
      <Entries task={task} entries={part.entries} />
    </Box>
  )
}, same)

/** What is put together anew with each event is mostly what it was. */
function same(a: { task: string; part: Part } & Refer, b: { task: string; part: Part } & Refer): boolean {
  if (a.task !== b.task || a.numbers !== b.numbers || a.refer !== b.refer || a.part.kind !== b.part.kind) return false
  if (a.part.kind === 'done' && b.part.kind === 'done') return a.part.entries.length === b.part.entries.length && a.part.entries.every((e, i) => e === (b.part as typeof a.part).entries[i])
  if (a.part.kind === 'said' && b.part.kind === 'said') return a.part.text === b.part.text && a.part.growing === b.part.growing
  return a.part.kind === 'work' && b.part.kind === 'work' && a.part.call === b.part.call
}

/** What another task does for the turn: unfolded while it is under way, so that what it asks is seen. */
function Work({ task, running }: { task: string; running: boolean }) {
  return running ? (
    <Box className={classes.work}>
      <Following task={task} />
    </Box>
  ) : (
    <Details summary={text.chat.turn.part}>
      <Box className={classes.work}>
        <Following task={task} />
      </Box>
    </Details>
  )
}

function Following({ task }: { task: string }) {
  const events = useTaskEvents(task)
  return (
    <>
      <Timeline events={events} />
      {!terminal.includes(events.state.status) && working(events.state).map((below) => (
        <Box key={below} className={classes.work}>
          <Following task={below} />
        </Box>
      ))}
    </>
  )
}

/** That something is done, where nothing else shows it. */
function Under({ events: { state }, last }: { events: TaskEvents; last: Part | undefined }) {
  const t = text.chat.turn
  if (state.open || last?.kind === 'work') return null
  return (
    <Group gap="xs" my={4}>
      <Loader size={14} type="dots" aria-hidden />
      <Text size="sm" c="dimmed">
        {state.version > 0 && state.status === 'queued' ? t.waiting : last?.kind === 'said' && last.growing ? t.writing : t.thinking}
      </Text>
    </Group>
  )
}

function Answer({ conversation, answer, numbers, refer, bare }: { conversation: string; answer: Message; bare: boolean } & Refer) {
  const t = text.chat
  const whole = useWhole(conversation, answer)
  const { error, status } = answer
  return (
    <>
      {whole.text && <Markdown source={whole.text} numbers={numbers} refer={refer} />}
      {answer.cut && !whole.all && (
        <Button size="compact-sm" variant="default" loading={whole.loading} onClick={whole.show}>
          {t.showAll}
        </Button>
      )}
      {whole.error ? <ProblemNote error={whole.error} /> : null}
      {status === 'failed' && (
        <Alert color="red" variant="light" my="xs" icon={<IconAlertTriangle aria-hidden />} title={t.turn.failed}>
          <Text size="sm" className="words">
            {[error?.msg ?? '', error?.hint ?? ''].filter(Boolean).map(sentence).join(' ')}
          </Text>
        </Alert>
      )}
      {status === 'canceled' && (
        <Group gap={6} my="xs" c="dimmed">
          <IconPlayerStop size={16} aria-hidden />
          <Text size="sm">{t.turn.stopped}</Text>
        </Group>
      )}
      {status === 'succeeded' && !answer.text && bare && <Text c="dimmed">{t.turn.noAnswer}</Text>}
    </>
  )
}

/** What can be done once an answer is there. */
function After({ answer, said, turn, actions, newest }: { answer: Message; said: string; turn: EventTurn | undefined; actions: TurnActions | undefined; newest: boolean }) {
  const t = text.chat.turn
  const { project } = useApi()
  const may = useMay()
  const bad = answer.status !== 'succeeded'
  return (
    <Group gap={4} mt={2} className={classes.after}>
      {answer.app && may('app.read') && (
        <Button component={Link} to="/p/$project/build/$app" params={{ project, app: answer.app } as never} size="compact-sm" variant="light" leftSection={<IconAppWindow size={14} aria-hidden />}>
          {t.app}
        </Button>
      )}
      {actions && bad && newest && answer.status === 'canceled' && (
        <Button size="compact-sm" variant="light" leftSection={<IconPlayerPlay size={14} aria-hidden />} onClick={() => actions.goOn(answer)}>
          {t.goOn}
        </Button>
      )}
      {actions && newest && (
        <Button size="compact-sm" variant={bad ? 'light' : 'subtle'} color={bad ? undefined : 'gray'} leftSection={<IconRefresh size={14} aria-hidden />} onClick={() => actions.again(answer, { route: (turn?.route ?? '') as Route, skill: turn?.skill ?? '' })}>
          {t.again}
        </Button>
      )}
      {said && <Copy value={said} />}
      {answer.task && may('task.read') && (
        <Button component={Link} to="/p/$project/tasks/$task" params={{ project, task: answer.task } as never} size="compact-sm" variant="subtle" color="gray" leftSection={<IconChecklist size={14} aria-hidden />}>
          {t.what}
        </Button>
      )}
      <Text span size="xs" c="dimmed" ml="auto">
        <Moment at={answer.at} />
      </Text>
    </Group>
  )
}
