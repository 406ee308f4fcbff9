import { Button, Container, Group, Stack, Text, Title } from '@mantine/core'
import { type ErrorComponentProps, useRouter } from '@tanstack/react-router'
import { Problem } from '../api/problem'
import { text } from '../text'
import { ProblemNote } from '../ui/ProblemNote'

/** A page that couldn't be shown, whatever the reason: the rest of the console goes on. */
export function Crashed({ error }: ErrorComponentProps) {
  const router = useRouter()
  const t = text.common.problem
  const again = () => void router.invalidate()
  return (
    <Container size="sm" py="xl">
      {error instanceof Problem ? (
        <ProblemNote error={error} retry={again} />
      ) : (
        <Stack role="alert">
          <Title order={1} size="h3">
            {t.crashed}
          </Title>
          <Text>{t.crashedHint}</Text>
          <Text size="sm" ff="monospace" className="words">
            {String(error)}
          </Text>
          <Group>
            <Button onClick={() => location.reload()}>{text.common.reload}</Button>
          </Group>
        </Stack>
      )}
    </Container>
  )
}

/** There is no such page. */
export function Missing() {
  const t = text.common.problem
  return (
    <Container size="sm" py="xl">
      <Title order={1} size="h3">
        {t.gone}
      </Title>
      <Text mb="md">{t.goneHint}</Text>
      <Button component="a" href="/">
        {text.shell.home}
      </Button>
    </Container>
  )
}
