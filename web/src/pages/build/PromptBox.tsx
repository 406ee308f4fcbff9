import { Button, Group, Stack, Text, Textarea } from '@mantine/core'
import { type KeyboardEvent, type ReactNode, useState } from 'react'
import { text } from '../../text'
import { number } from '../../text/format'
import { ProblemNote } from '../../ui/ProblemNote'
import { ModelMenu } from '../../ui/ModelMenu'

const most = 5000 // characters of a prompt, as the server counts them

/** Where one says what is wanted. What is typed stays until it was taken. */
export function PromptBox({ label, placeholder, submit, value, change, send, busy, error, disabled, rows, children }: {
  label: string
  placeholder: string
  submit: string
  value: string
  change: (text: string) => void
  send: (prompt: string, model: string | undefined) => void
  busy: boolean
  error: unknown
  disabled?: boolean
  rows: number
  children?: ReactNode
}) {
  const t = text.build
  const [model, setModel] = useState('')
  const length = [...value].length
  const fine = value.trim() !== '' && length <= most
  const go = () => {
    if (fine && !busy && !disabled) send(value, model || undefined)
  }
  const onKeyDown = (e: KeyboardEvent) => {
    if (e.key !== 'Enter' || !(e.ctrlKey || e.metaKey)) return
    e.preventDefault()
    go()
  }
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault()
        go()
      }}
    >
      <Stack gap="xs">
        <Textarea
          label={label}
          placeholder={placeholder}
          value={value}
          onChange={(e) => change(e.currentTarget.value)}
          onKeyDown={onKeyDown}
          autosize
          minRows={rows}
          maxRows={rows + 8}
          size={rows > 2 ? 'md' : 'sm'}
          error={length > most ? t.tooLong : undefined}
          disabled={disabled}
        />
        {children}
        {error ? <ProblemNote error={error} /> : null}
        <Group justify="space-between" gap="xs">
          <ModelMenu value={model} choose={setModel} />
          <Group gap="xs" ml="auto">
            {(length > 0 || rows > 2) && <Text size="xs" c={length > most ? 'var(--mantine-color-error)' : 'dimmed'}>{t.count(number(length), number(most))}</Text>}
            <Button type="submit" size={rows > 2 ? 'sm' : 'xs'} loading={busy} disabled={!fine || disabled} title={t.submitHint}>
              {submit}
            </Button>
          </Group>
        </Group>
      </Stack>
    </form>
  )
}
