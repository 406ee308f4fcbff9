import { Alert, Button, Group } from '@mantine/core'
import { IconPlugConnectedX } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { useConnection } from '../live/hooks'
import { wake } from '../live/live'
import { text } from '../text'

const patience = 3000 // ms: what is back by then nobody needs to know of

/** Says that what is shown may be old. */
export function ConnectionNote() {
  const state = useConnection()
  const [told, setTold] = useState(false)
  useEffect(() => {
    if (state !== 'lost') return
    const timer = setTimeout(() => setTold(true), patience)
    return () => {
      clearTimeout(timer)
      setTold(false)
    }
  }, [state])
  if (!told || state !== 'lost') return null
  return (
    <Alert color="orange" icon={<IconPlugConnectedX aria-hidden />} mb="md" role="status">
      <Group justify="space-between">
        {text.shell.connection.lost}
        <Button size="compact-sm" variant="default" onClick={wake}>
          {text.shell.connection.retry}
        </Button>
      </Group>
    </Alert>
  )
}
