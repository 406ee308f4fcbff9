import { Badge, type MantineColor } from '@mantine/core'
import { text } from '../text'

const colors: Record<string, MantineColor> = { queued: 'gray', running: 'blue', waiting: 'orange', succeeded: 'green', failed: 'red', canceled: 'gray', stopped: 'gray' }

/** How a task or an app is, in words and in a colour. */
export function StatusBadge({ status }: { status: string }) {
  const word = text.common.status[status as keyof typeof text.common.status] ?? status
  return (
    <Badge color={colors[status] ?? 'gray'} variant="light" style={{ flexShrink: 0 }}>
      {word}
    </Badge>
  )
}
