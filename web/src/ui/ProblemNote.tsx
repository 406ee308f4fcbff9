import { Alert, Button, Group, Text } from '@mantine/core'
import { IconAlertCircle } from '@tabler/icons-react'
import { asProblem } from '../api/problem'
import { text } from '../text'

/** What went wrong, how to go on, and the id under which the server's log has more. */
export function ProblemNote({ error, retry }: { error: unknown; retry?: () => void }) {
  const problem = asProblem(error)
  const t = text.common.problem
  const [title, hint] =
    problem.status === 0 ? [t.unreachable, t.unreachableHint] : problem.status === 403 ? [t.denied, problem.hint || t.deniedHint] : problem.status === 404 ? [t.gone, problem.hint || t.goneHint] : [t.title, problem.hint]
  return (
    <Alert color="red" variant="light" icon={<IconAlertCircle aria-hidden />} title={title} role="alert">
      {problem.status !== 0 && problem.message && <Text size="sm">{sentence(problem.message)}</Text>}
      {hint && <Text size="sm">{sentence(hint)}</Text>}
      <Group justify="space-between" mt={4}>
        {problem.request && (
          <Text size="xs" ff="monospace">
            {t.request(problem.request)}
          </Text>
        )}
        {retry && (
          <Button size="compact-xs" variant="default" onClick={retry}>
            {text.common.retry}
          </Button>
        )}
      </Group>
    </Alert>
  )
}

/** The API's messages begin in lower case and have no full stop. */
export function sentence(s: string): string {
  const begun = s.charAt(0).toUpperCase() + s.slice(1)
  return /[.!?:]$/.test(begun) ? begun : `${begun}.`
}
