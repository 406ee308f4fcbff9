import { Button, Group, Modal, Stack } from '@mantine/core'
import { useId, useState, type ReactNode } from 'react'
import { text } from '../text'
import { SaveNote } from './SaveNote'

/** A dialog about something, which stays as it was while it closes. It is made anew each time that it opens. */
export function Dialog<T>({ about, title, close, size, children }: { about: T | null | false | undefined; title: ReactNode; close: () => void; size?: string; children: (about: T) => ReactNode }) {
  const [shown, setShown] = useState(about)
  if (about && about !== shown) setShown(about)
  return (
    <Modal opened={!!about} onClose={close} title={title} size={size ?? 'md'} centered closeButtonProps={{ 'aria-label': text.common.close }}>
      {shown ? children(shown) : null}
    </Modal>
  )
}

/** A dialog's form: its fields, what went wrong, and what it does. What was typed stays when it fails. */
export function DialogForm({ submit, action, close, busy, error, disabled, children }: { submit: () => void; action: string; close: () => void; busy?: boolean; error?: unknown; disabled?: boolean; children: ReactNode }) {
  const id = useId()
  return (
    <form
      id={id}
      onSubmit={(e) => {
        e.preventDefault()
        e.stopPropagation()
        submit()
      }}
    >
      <Stack gap="sm">
        {children}
        <SaveNote error={error} />
        <Group justify="flex-end" mt="xs">
          <Button variant="default" onClick={close}>
            {text.common.cancel}
          </Button>
          <Button type="submit" loading={busy} disabled={disabled}>
            {action}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
