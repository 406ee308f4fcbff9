import { Alert, Text } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { asProblem } from '../api/problem'
import { text } from '../text'
import { ProblemNote } from './ProblemNote'

/** Why something based on what was read isn't saved. What was changed elsewhere is read anew by `useReread`. */
export function SaveError({ error }: { error: unknown }) {
  if (!error) return null
  if (asProblem(error).code !== 'conflict') return <ProblemNote error={error} />
  return (
    <Alert color="orange" variant="light" icon={<IconAlertTriangle aria-hidden />} title={text.knowledge.conflict} role="alert">
      <Text size="sm">{text.knowledge.conflictHint}</Text>
    </Alert>
  )
}
