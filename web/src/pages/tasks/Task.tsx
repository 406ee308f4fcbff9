import { Anchor, Button, Group, Stack, Text } from '@mantine/core'
import { IconPlayerStop } from '@tabler/icons-react'
import { Link, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { useApi, useSend } from '../../api/hooks'
import { useMay } from '../../api/me'
import type { TaskDetail } from '../../api/schema'
import { text } from '../../text'
import { number } from '../../text/format'
import { Timeline } from '../../timeline/Timeline'
import { terminal } from '../../timeline/state'
import { useTaskEvents } from '../../timeline/useTaskEvents'
import { Confirm } from '../../ui/confirm'
import { Fact, Facts } from '../../ui/Facts'
import { Loaded } from '../../ui/Loaded'
import { Moment } from '../../ui/Moment'
import { Page } from '../../ui/Page'
import { Section } from '../../ui/Section'
import { StatusBadge } from '../../ui/StatusBadge'

/** One task: what was asked for, how it goes, and what became of it. */
export default function Task() {
  const { task } = useParams({ from: '/inside/p/$project/tasks/$task' })
  const query = useApi().query.useQuery('get', '/v1/tasks/{task}', { params: { path: { task } } })
  return (
    <Loaded query={query}>
      {(detail) => <Detail key={task} detail={detail} />}
    </Loaded>
  )
}

function Detail({ detail }: { detail: TaskDetail }) {
  const t = text.tasks.one
  const may = useMay()
  const { project } = useApi()
  const events = useTaskEvents(detail.id)
  const [canceling, setCanceling] = useState(false)
  const cancel = useSend('post', '/v1/tasks/{task}/cancel', ['/v1/tasks', '/v1/tasks/{task}'])
  const status = events.state.version > 0 ? events.state.status : detail.status
  const turn = events.state.created?.turn
  const over = terminal.includes(status)
  return (
    <Page
      title={detail.title || t.of(text.common.kind[detail.kind])}
      actions={
        <>
          <StatusBadge status={status} />
          {!over && may('task.write') && (
            <Button variant="default" leftSection={<IconPlayerStop size={16} aria-hidden />} onClick={() => setCanceling(true)}>
              {t.stop}
            </Button>
          )}
        </>
      }
    >
      <Section title={t.asked}>
        <Stack gap="sm">
          <Text className="words" style={{ whiteSpace: 'pre-wrap' }}>
            {detail.prompt}
          </Text>
          <Facts>
            <Fact name={text.tasks.kind}>{text.common.kind[detail.kind]}</Fact>
            <Fact name={t.model}>{detail.model}</Fact>
            <Fact name={text.tasks.created}>
              <Moment at={detail.created_at} />
            </Fact>
            <Fact name={t.calls}>{number(detail.calls)}</Fact>
            <Fact name={t.tokens}>{number(detail.tokens)}</Fact>
            <Fact name={t.id}>{detail.id}</Fact>
          </Facts>
          <Group gap="md">
            {detail.app && (
              <Anchor component={Link} to="/p/$project/build/$app" params={{ project, app: detail.app } as never} size="sm" underline="always">
                {t.app}
              </Anchor>
            )}
            {turn && may('conversation.read') && (
              <Anchor component={Link} to="/p/$project/chat/$conversation" params={{ project, conversation: turn.conversation } as never} search={{ at: turn.message } as never} size="sm" underline="always">
                {t.conversation}
              </Anchor>
            )}
            {detail.parent && (
              <Anchor component={Link} to="/p/$project/tasks/$task" params={{ project, task: detail.parent } as never} size="sm" underline="always">
                {t.parent}
              </Anchor>
            )}
          </Group>
        </Stack>
      </Section>
      <Section title={t.timeline}>
        <Timeline events={events} />
      </Section>
      <Confirm opened={canceling} close={() => setCanceling(false)} title={t.stopTitle} action={t.stop} act={() => cancel.mutateAsync({ params: { path: { task: detail.id } }, body: {} })}>
        {t.stopText}
      </Confirm>
    </Page>
  )
}
