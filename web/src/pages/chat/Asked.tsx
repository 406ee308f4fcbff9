import { ActionIcon, Button, Group, Stack, Text, Textarea, Title, Tooltip, VisuallyHidden } from '@mantine/core'
import { IconChevronLeft, IconChevronRight, IconDownload, IconPencil } from '@tabler/icons-react'
import { memo, useEffect, useRef, useState } from 'react'
import { flushSync } from 'react-dom'
import { useApi } from '../../api/hooks'
import { useMe } from '../../api/me'
import type { Message } from '../../api/schema'
import { text } from '../../text'
import { bytes } from '../../text/format'
import { Moment } from '../../ui/Moment'
import { ProblemNote } from '../../ui/ProblemNote'
import { failed } from '../../ui/told'
import { Who } from '../../ui/Who'
import classes from './chat.module.css'
import { keepFile } from './files'
import { useWhole } from './whole'

/** What a person has said, the files that came with it, and the branches that begin here. */
export const Asked = memo(function Asked({ conversation, message, place, of, n, before, after, edit }: {
  conversation: string
  message: Message
  /** Which of the branches it is, from 1, and of how many. */
  place: number
  of: number
  n: number
  before: string | undefined
  after: string | undefined
  /** Shows a branch, or says it in other words. */
  edit: { show: (message: string) => void; say: ((message: Message, text: string) => Promise<unknown>) | undefined }
}) {
  const t = text.chat
  const me = useMe()
  const mine = message.by.id === me.user || message.by.id === me.actor.id
  const [edited, setEdited] = useState('') // which message
  const editing = edited === message.id
  const pencil = useRef<HTMLButtonElement>(null)
  const whole = useWhole(conversation, message)
  const id = `said-${message.id}`
  return (
    <article className={classes.asked} aria-labelledby={id}>
      <VisuallyHidden>
        <Title order={2} id={id}>
          {t.said(mine ? t.you : t.person, n)}
        </Title>
      </VisuallyHidden>
      {editing && edit.say ? (
        <Edit
          text={message.text}
          say={(text) => edit.say!(message, text).then(() => setEdited(''))}
          close={() => {
            flushSync(() => setEdited(''))
            pencil.current?.focus()
          }}
        />
      ) : (
        <div className={classes.bubble}>
          {whole.text && (
            <Text className="words" dir="auto" style={{ whiteSpace: 'pre-wrap' }}>
              {whole.text}
            </Text>
          )}
          {message.cut && !whole.all && (
            <Button size="compact-sm" variant="default" mt={4} loading={whole.loading} onClick={whole.show}>
              {t.showAll}
            </Button>
          )}
          {whole.error ? <ProblemNote error={whole.error} /> : null}
          <Files conversation={conversation} message={message} />
        </div>
      )}
      <Group gap={4} justify="flex-end" className={classes.after}>
        <Text span size="xs" c="dimmed">
          {!mine && (
            <>
              <Who actor={message.by} />,{' '}
            </>
          )}
          <Moment at={message.at} />
        </Text>
        {of > 1 && (
          <Group gap={0} role="group" aria-label={t.branch.name}>
            <ActionIcon variant="subtle" color="gray" size="sm" aria-label={t.branch.before} aria-disabled={!before} data-disabled={!before || undefined} onClick={() => before && edit.show(before)}>
              <IconChevronLeft size={14} />
            </ActionIcon>
            <Text span size="xs">
              {t.branch.at(place, of)}
            </Text>
            <ActionIcon variant="subtle" color="gray" size="sm" aria-label={t.branch.after} aria-disabled={!after} data-disabled={!after || undefined} onClick={() => after && edit.show(after)}>
              <IconChevronRight size={14} />
            </ActionIcon>
          </Group>
        )}
        {edit.say && !editing && !message.cut && (
          <Tooltip label={text.common.edit}>
            <ActionIcon variant="subtle" color="gray" size="sm" aria-label={`${text.common.edit}: ${t.said(mine ? t.you : t.person, n)}`} ref={pencil} onClick={() => setEdited(message.id)}>
              <IconPencil size={14} />
            </ActionIcon>
          </Tooltip>
        )}
      </Group>
    </article>
  )
})

function Files({ conversation, message }: { conversation: string; message: Message }) {
  const t = text.chat.file
  const api = useApi()
  if (!message.files?.length) return null
  return (
    <Group component="ul" gap={6} p={0} m={0} mt={message.text ? 6 : 0} aria-label={t.list} className={classes.sources}>
      {message.files.map((f, i) => (
        <li key={f.name}>
          <Button size="compact-xs" variant="default" aria-label={t.download(f.name)} leftSection={<IconDownload size={12} aria-hidden />} onClick={() => void keepFile(api, conversation, message, i).catch(failed)} styles={{ root: { maxWidth: '100%' } }}>
            {f.name} ({bytes(f.size)})
          </Button>
        </li>
      ))}
    </Group>
  )
}

/** Says a message in other words, which begins a branch. */
function Edit({ text: was, say, close }: { text: string; say: (text: string) => Promise<unknown>; close: () => void }) {
  const t = text.chat.edit
  const [value, setValue] = useState(was)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const box = useRef<HTMLTextAreaElement>(null)
  useEffect(() => box.current?.focus(), [])
  const go = async () => {
    if (!value.trim() || busy) return
    setBusy(true)
    setError(null)
    try {
      await say(value)
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  }
  return (
    <form
      style={{ width: '100%' }}
      onSubmit={(e) => {
        e.preventDefault()
        void go()
      }}
    >
      <Stack gap={6}>
        <Textarea
          label={t.label}
          description={t.hint}
          value={value}
          onChange={(e) => setValue(e.currentTarget.value)}
          onKeyDown={(e) => {
            if (e.key === 'Escape') close()
            if (e.key !== 'Enter' || e.shiftKey || e.nativeEvent.isComposing) return
            e.preventDefault()
            void go()
          }}
          autosize
          minRows={2}
          maxRows={16}
          dir="auto"
          ref={box}
        />
        {error ? <ProblemNote error={error} /> : null}
        <Group gap="xs" justify="flex-end">
          <Button size="compact-sm" variant="default" onClick={close}>
            {text.common.cancel}
          </Button>
          <Button size="compact-sm" type="submit" loading={busy} disabled={!value.trim()}>
            {t.send}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
