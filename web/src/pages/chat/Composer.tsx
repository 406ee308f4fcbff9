import { ActionIcon, Button, Group, Stack, Text, Textarea, Tooltip } from '@mantine/core'
import { IconPaperclip, IconPlayerStopFilled, IconSend2 } from '@tabler/icons-react'
import { type KeyboardEvent, type RefObject, useRef, useState } from 'react'
import { useSend } from '../../api/hooks'
import type { NewMessage } from '../../api/schema'
import { text } from '../../text'
import { ModelMenu } from '../../ui/ModelMenu'
import { ProblemNote } from '../../ui/ProblemNote'
import { failed } from '../../ui/told'
import { AttachedFiles } from './AttachedFiles'
import classes from './chat.module.css'
import { useDraft } from './draft'
import { attach, type Attached, sent } from './files'
import { anyWay, Ways } from './Ways'

const most = 100_000 // characters of a message, as the server counts them

/** What one says: the message as the API takes it, but for its place. */
export type Saying = Pick<NewMessage, 'text' | 'files' | 'route' | 'skill' | 'model'>

/** Files that were dropped on the page, for the composer. */
export interface Dropped {
  files: readonly Attached[]
  add: (more: readonly File[]) => void
  drop: (name: string) => void
  clear: () => void
  why: string
}

export function useDropped(): Dropped {
  const [held, setHeld] = useState<{ files: readonly Attached[]; why: string }>({ files: [], why: '' })
  return {
    ...held,
    add: (more) => setHeld((was) => attach(was.files, more)),
    drop: (name) => setHeld((was) => ({ files: was.files.filter((f) => f.name !== name), why: '' })),
    clear: () => setHeld({ files: [], why: '' }),
  }
}

/** Where one says something. What is typed stays until it was taken; while an answer is given, that can be stopped. */
export function Composer({ of, box, dropped, model, choose, send, running }: {
  of: string
  box: RefObject<HTMLTextAreaElement | null>
  dropped: Dropped
  model: string
  choose: (model: string) => void
  send: (saying: Saying) => Promise<unknown>
  /** The task that answers now. */
  running?: string | undefined
}) {
  const t = text.chat.composer
  const [value, setValue] = useDraft(of)
  const [way, setWay] = useState(anyWay)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const picker = useRef<HTMLInputElement>(null)
  const long = [...value].length > most
  const fine = (value.trim() !== '' || dropped.files.length > 0) && !long
  const go = async () => {
    if (!fine || busy || running) return
    setBusy(true)
    setError(null)
    try {
      await send({ text: value, files: await sent(dropped.files), model, ...way })
      setValue('')
      setWay(anyWay)
      dropped.clear()
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
      box.current?.focus()
    }
  }
  const onKeyDown = (e: KeyboardEvent) => {
    if (e.key !== 'Enter' || e.shiftKey || e.nativeEvent.isComposing) return
    e.preventDefault()
    void go()
  }
  return (
    <form
      className={classes.composer}
      onSubmit={(e) => {
        e.preventDefault()
        void go()
      }}
    >
      <Stack gap={6}>
        <AttachedFiles files={dropped.files} drop={dropped.drop} />
        <Textarea
          ref={box}
          aria-label={t.label}
          placeholder={t.placeholder}
          value={value}
          onChange={(e) => setValue(e.currentTarget.value)}
          onKeyDown={onKeyDown}
          onPaste={(e) => {
            const { files } = e.clipboardData
            if (files.length === 0) return
            e.preventDefault()
            dropped.add([...files])
          }}
          readOnly={busy}
          autosize
          minRows={2}
          maxRows={12}
          error={long ? t.tooLong : dropped.why || undefined}
          variant="unstyled"
          dir="auto"
        />
        {error ? <ProblemNote error={error} /> : null}
        <Group gap={4} justify="space-between">
          <Group gap={4}>
            <Tooltip label={t.attach}>
              <ActionIcon variant="subtle" color="gray" aria-label={t.attach} onClick={() => picker.current?.click()}>
                <IconPaperclip size={18} />
              </ActionIcon>
            </Tooltip>
            <input
              ref={picker}
              type="file"
              hidden
              multiple
              aria-label={t.attach}
              onChange={(e) => {
                dropped.add([...(e.currentTarget.files ?? [])])
                e.currentTarget.value = ''
              }}
            />
            <ModelMenu value={model} choose={choose} />
            <Ways value={way} choose={setWay} />
          </Group>
          <Group gap="xs" ml="auto">
            <Text size="xs" c="dimmed" visibleFrom="md">
              {t.hint}
            </Text>
            {running ? (
              <Stop key={running} task={running} stopped={() => box.current?.focus()} />
            ) : (
              <Button type="submit" size="compact-md" loading={busy} disabled={!fine} leftSection={<IconSend2 size={16} aria-hidden />}>
                {t.send}
              </Button>
            )}
          </Group>
        </Group>
      </Stack>
    </form>
  )
}

function Stop({ task, stopped }: { task: string; stopped: () => void }) {
  const t = text.chat.composer
  const cancel = useSend('post', '/v1/tasks/{task}/cancel', ['/v1/tasks'])
  return (
    <Button
      size="compact-md"
      variant="default"
      leftSection={<IconPlayerStopFilled size={14} aria-hidden />}
      loading={cancel.isPending}
      disabled={cancel.isSuccess}
      onClick={() => cancel.mutate({ params: { path: { task } }, body: {} }, { onSuccess: stopped, onError: failed })}
    >
      {cancel.isSuccess ? t.stopping : t.stop}
    </Button>
  )
}
