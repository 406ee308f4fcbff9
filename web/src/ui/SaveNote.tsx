import { Stack, Text } from '@mantine/core'
import { asProblem } from '../api/problem'
import { text } from '../text'
import { ProblemNote } from './ProblemNote'

/** Why something couldn't be saved; where others may have changed it meanwhile, that what was typed is still there. */
export function SaveNote({ error }: { error: unknown }) {
  if (!error) return null
  return (
    <Stack gap={4}>
      <ProblemNote error={error} />
      {asProblem(error).status === 409 && (
        <Text size="sm" c="dimmed">
          {text.common.problem.changedElsewhere}
        </Text>
      )}
    </Stack>
  )
}
