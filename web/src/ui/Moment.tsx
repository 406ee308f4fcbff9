import { Tooltip } from '@mantine/core'
import { ago, exactly } from '../text/format'

/** When something was: how long ago, and exactly on demand. */
export function Moment({ at }: { at: string | undefined }) {
  if (!at) return null
  return (
    <Tooltip label={exactly(at)}>
      <time dateTime={at}>{ago(at)}</time>
    </Tooltip>
  )
}
