import { Button, Group, Text } from '@mantine/core'
import { hideNotification, showNotification } from '@mantine/notifications'
import { text } from '../text'
import { failed } from './told'

const grace = 8000

/**
 * Does something a moment later, in which it can be undone; also when the page is left in that moment. `undo` puts
 * back what was hidden.
 */
export function undoable(done: string, act: () => Promise<unknown>, undo: () => void): void {
  const id = crypto.randomUUID()
  let over = false
  const finish = () => {
    if (over) return
    over = true
    clearTimeout(timer)
    window.removeEventListener('pagehide', finish)
    hideNotification(id)
    act().catch((error: unknown) => {
      undo()
      failed(error)
    })
  }
  const timer = setTimeout(finish, grace)
  window.addEventListener('pagehide', finish)
  const back = () => {
    if (over) return
    over = true
    clearTimeout(timer)
    window.removeEventListener('pagehide', finish)
    hideNotification(id)
    undo()
  }
  showNotification({
    id,
    autoClose: false,
    withCloseButton: false,
    message: (
      <Group justify="space-between">
        <Text size="sm">{done}</Text>
        <Button size="compact-sm" variant="light" onClick={back}>
          {text.common.undo}
        </Button>
      </Group>
    ),
  })
}
