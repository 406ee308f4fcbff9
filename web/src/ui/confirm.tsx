import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useId, useState, type ReactNode } from 'react'
import { text } from '../text'
import { ProblemNote } from './ProblemNote'

/**
 * Asks before something is done that can't be undone. The dialog stays while it is done, and says what went wrong.
 * With `word`, that has to be typed.
 */
export function Confirm({ opened, close, title, children, action, danger = true, word, act }: {
  opened: boolean
  close: () => void
  title: string
  children?: ReactNode
  action: string
  danger?: boolean
  word?: string
  act: () => Promise<unknown>
}) {
  const [typed, setTyped] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const form = useId()
  const leave = () => {
    setTyped('')
    setError(null)
    close()
  }
  const submit = async () => {
    setBusy(true)
    setError(null)
    try {
      await act()
      leave()
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Modal opened={opened} onClose={leave} title={title} centered>
      <form
        id={form}
        onSubmit={(e) => {
          e.preventDefault()
          void submit()
        }}
      >
        <Stack gap="sm">
          {children && <Text component="div" size="sm">{children}</Text>}
          {word !== undefined && <TextInput label={text.common.typeToConfirm(word)} value={typed} onChange={(e) => setTyped(e.currentTarget.value)} autoComplete="off" data-autofocus />}
          {error !== null && <ProblemNote error={error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={leave}>
              {text.common.cancel}
            </Button>
            <Button type="submit" color={danger ? 'red' : undefined} loading={busy} disabled={word !== undefined && typed !== word}>
              {action}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
