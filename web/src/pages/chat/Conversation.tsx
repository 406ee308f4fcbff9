import { Alert, Anchor, Box, Button, Text } from '@mantine/core'
import { IconArrowDown, IconArrowLeft, IconTrash } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { Fragment, type RefObject, useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { changed, useApi, useSend } from '../../api/hooks'
import { useMay } from '../../api/me'
import type { Conversation as Conv, Event, Message } from '../../api/schema'
import { useChannel } from '../../live/hooks'
import { text } from '../../text'
import { Loaded } from '../../ui/Loaded'
import { Page } from '../../ui/Page'
import { failed } from '../../ui/told'
import { Asked } from './Asked'
import { branchOf, type Shown } from './branch'
import classes from './chat.module.css'
import { Composer, type Dropped, type Saying, useDropped } from './Composer'
import { ConversationMenu } from './ConversationMenu'
import { conversationLists, titleOf } from './conversations'
import { DropArea } from './DropArea'
import { filesOf, sent } from './files'
import { Turn, type TurnActions } from './Turn'
import { useBottom } from './useBottom'

/** A conversation: what was said on the branch that is shown, what is being answered, and where one goes on. */
export default function Conversation() {
  const { conversation } = useParams({ from: '/inside/p/$project/chat/$conversation' })
  const { query } = useApi()
  const read = query.useQuery('get', '/v1/conversations/{conversation}', { params: { path: { conversation } } })
  return <Loaded query={read}>{(c) => <Opened key={conversation} conversation={c} />}</Loaded>
}

function Opened({ conversation: c }: { conversation: Conv }) {
  const t = text.chat
  const { project } = useApi()
  const may = useMay()
  const navigate = useNavigate()
  const ended = useNews(c.id)
  const speaks = may('conversation.write') && may('task.write') && !ended
  const { at } = useSearch({ from: '/inside/p/$project/chat/$conversation' })
  const branch = useMemo(() => branchOf(c.messages ?? [], at ?? ''), [c.messages, at])
  const show = useCallback((message: string | undefined) => void navigate({ to: '.', search: message ? { at: message } : {}, replace: true, resetScroll: false }), [navigate])
  const dropped = useDropped()
  const { content, away, toEnd } = useBottom()
  const box = useRef<HTMLTextAreaElement>(null)
  const focus = useCallback(() => box.current?.focus({ preventScroll: true }), [])
  useEffect(focus, [focus])
  const said = useCallback(() => {
    toEnd()
    focus() // what was pressed isn't there any more
  }, [toEnd, focus])
  const list = () => void navigate({ to: '/p/$project/chat', params: { project } })
  return (
    <Box maw={820} mx="auto">
      <Page
        title={titleOf(c)}
        lead={
          <Anchor component={Link} to="/p/$project/chat" params={{ project } as never} size="sm" underline="always">
            <IconArrowLeft size={14} aria-hidden style={{ verticalAlign: '-2px' }} /> {t.back}
          </Anchor>
        }
        actions={may('conversation.write') && !ended && <ConversationMenu conversation={c} deleted={list} />}
      >
        <DropArea take={speaks ? dropped.add : undefined} className={classes.page}>
          <div ref={content} className={classes.messages} role="group" aria-label={t.messages}>
            {branch.length === 0 && <Text c="dimmed">{t.nothingSaid}</Text>}
            <Said conversation={c} branch={branch} speaks={speaks} show={show} said={said} />
            {ended && (
              <Alert color="gray" variant="light" icon={<IconTrash aria-hidden />} title={t.ended} role="status">
                {t.endedHint}
              </Alert>
            )}
          </div>
          <div className={classes.foot}>
            {away && (
              <Button className={classes.newest} size="compact-sm" variant="default" leftSection={<IconArrowDown size={14} aria-hidden />} onClick={toEnd}>
                {t.newest}
              </Button>
            )}
            {speaks && <Next conversation={c} branch={branch} dropped={dropped} box={box} show={show} said={toEnd} />}
          </div>
        </DropArea>
      </Page>
    </Box>
  )
}

/** Has the conversation read anew when something is added to it; true once it was deleted. */
function useNews(conversation: string): boolean {
  const queries = useQueryClient()
  const [ended, setEnded] = useState(false)
  const begun = useRef(false)
  useChannel(`conversation:${conversation}`, undefined, (notice) => {
    const gone = notice.kind === 'end' || (notice.kind === 'item' && (notice.data as Event).type === 'conversation.deleted')
    if (gone) {
      setEnded(true)
      return
    }
    // What was added between reading it and following it is told by nobody.
    if (notice.kind === 'item' || (notice.kind === 'place' && !begun.current)) void changed(queries, ['/v1/conversations/{conversation}'])
    if (notice.kind === 'place') begun.current = true
  })
  return ended
}

/** Says something, after a message or, with "", at the beginning. */
function useSay(conversation: string, show: (message: string | undefined) => void, said: () => void) {
  const post = useSend('post', '/v1/conversations/{conversation}/messages', conversationLists)
  const { mutateAsync } = post
  return useCallback(
    async (parent: string, saying: Saying) => {
      await mutateAsync({ params: { path: { conversation } }, body: { parent, ...saying } })
      show(undefined)
      said()
    },
    [conversation, mutateAsync, show, said],
  )
}

interface Talk {
  conversation: Conv
  branch: readonly Shown[]
  show: (message: string | undefined) => void
  /** Something was said. */
  said: () => void
}

/** The messages of the branch, a turn after the other. What hasn't changed isn't drawn again. */
function Said({ conversation: c, branch, speaks, show, said }: Talk & { speaks: boolean }) {
  const api = useApi()
  const say = useSay(c.id, show, said)
  const { id, model = '' } = c
  const anew = useCallback(
    async (question: Message, words: string, way: Pick<Saying, 'route' | 'skill'>) => say(question.parent ?? '', { text: words, files: await sent(await filesOf(api, id, question)), model, ...way }),
    [api, id, model, say],
  )
  const busy = branch.at(-1)?.message.role === 'user'
  const edit = useMemo(() => ({ show, say: speaks && !busy ? (message: Message, words: string) => anew(message, words, {}) : undefined }), [show, speaks, busy, anew])
  const actions = useMemo((): TurnActions | undefined => {
    if (!speaks) return undefined
    return {
      again: (answer, way) => {
        const asked = api.client.GET('/v1/conversations/{conversation}/messages/{msg}', { params: { path: { conversation: id, msg: answer.parent ?? '' } } })
        void asked.then(({ data }) => anew(data!, data!.text, way)).catch(failed)
      },
      goOn: (answer) => void say(answer.id, { text: text.chat.turn.goOnText, model, route: 'chat' }).catch(failed),
    }
  }, [speaks, api, id, model, anew, say])
  const questions = branch.filter(({ message }) => message.role === 'user')
  return questions.map(({ message, among }, i) => {
    const answer = branch.find((s) => s.message.parent === message.id && s.message.role === 'assistant')?.message
    const place = among.indexOf(message)
    return (
      <Fragment key={message.parent ?? ''}>
        <Asked conversation={id} message={message} place={place + 1} of={among.length} n={i + 1} before={among[place - 1]?.id} after={among[place + 1]?.id} edit={edit} />
        {message.task && <Turn key={message.id} conversation={id} task={message.task} answer={answer} n={i + 1} actions={actions} newest={i === questions.length - 1} />}
      </Fragment>
    )
  })
}

/** Where one goes on. */
function Next({ conversation: c, branch, dropped, box, show, said }: Talk & { dropped: Dropped; box: RefObject<HTMLTextAreaElement | null> }) {
  const say = useSay(c.id, show, said)
  const change = useSend('patch', '/v1/conversations/{conversation}', conversationLists)
  const leaf = branch.at(-1)?.message
  return (
    <Composer
      of={c.id}
      box={box}
      dropped={dropped}
      model={change.isPending ? (change.variables.body?.model ?? '') : (c.model ?? '')}
      choose={(model) => change.mutate({ params: { path: { conversation: c.id } }, body: { model } }, { onError: failed })}
      send={(saying) => say(leaf?.id ?? '', saying)}
      running={leaf?.role === 'user' ? leaf.task : undefined}
    />
  )
}
