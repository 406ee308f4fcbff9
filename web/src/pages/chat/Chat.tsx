import { Anchor, Box, Card, Group, Stack, Text, TextInput, Title } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { IconMessages, IconSearch } from '@tabler/icons-react'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useRef, useState } from 'react'
import { useApi, useSend } from '../../api/hooks'
import { useMay } from '../../api/me'
import type { Conversation } from '../../api/schema'
import { text } from '../../text'
import { Empty } from '../../ui/Empty'
import { Loaded } from '../../ui/Loaded'
import { Moment } from '../../ui/Moment'
import { Page } from '../../ui/Page'
import { More } from '../../ui/Rows'
import { Composer, type Saying, useDropped } from './Composer'
import { ConversationMenu } from './ConversationMenu'
import { titleOf, useHidden } from './conversations'
import { DropArea } from './DropArea'

/** Where one begins a conversation, and the project's, with a search over what was said. */
export default function Chat() {
  const t = text.chat
  const may = useMay()
  const speaks = may('conversation.write') && may('task.write')
  const navigate = useNavigate()
  const { q } = useSearch({ from: '/inside/p/$project/chat' })
  const [typed, setTyped] = useState(q ?? '')
  const search = useDebouncedCallback((words: string) => void navigate({ to: '.', search: words.trim() ? { q: words.trim() } : {}, replace: true, resetScroll: false }), 250)
  return (
    <Page title={t.title} lead={t.lead}>
      {speaks && <Begin />}
      <Group justify="space-between" align="flex-end" mb="sm" gap="sm">
        <Title order={2} size="h4">
          {t.list}
        </Title>
        <TextInput
          type="search"
          role="searchbox"
          aria-label={t.find}
          placeholder={t.findPlaceholder}
          leftSection={<IconSearch size={16} aria-hidden />}
          value={typed}
          maxLength={200}
          style={{ flex: '0 1 22rem' }}
          onChange={(e) => {
            setTyped(e.currentTarget.value)
            search(e.currentTarget.value)
          }}
        />
      </Group>
      <List q={q ?? ''} speaks={speaks} />
    </Page>
  )
}

/** The first message of a conversation that there isn't yet. */
function Begin() {
  const { project } = useApi()
  const navigate = useNavigate()
  const dropped = useDropped()
  const [model, setModel] = useState('')
  const box = useRef<HTMLTextAreaElement>(null)
  const begun = useRef('') // by a first try, whose message wasn't taken
  const create = useSend('post', '/v1/conversations', ['/v1/conversations'])
  const say = useSend('post', '/v1/conversations/{conversation}/messages', ['/v1/conversations'])
  const send = async (saying: Saying) => {
    begun.current ||= (await create.mutateAsync({ body: { model } })).id
    const conversation = begun.current
    await say.mutateAsync({ params: { path: { conversation } }, body: saying })
    begun.current = ''
    void navigate({ to: '/p/$project/chat/$conversation', params: { project, conversation } })
  }
  return (
    <Box mb="xl">
      <DropArea take={dropped.add}>
        <Composer of={project} box={box} dropped={dropped} model={model} choose={setModel} send={send} />
      </DropArea>
    </Box>
  )
}

function List({ q, speaks }: { q: string; speaks: boolean }) {
  const t = text.chat
  const api = useApi()
  const hidden = useHidden()
  const query = api.query.useInfiniteQuery('get', '/v1/conversations', { params: { query: { limit: 30, ...(q && { q }) } } }, { pageParamName: 'cursor', initialPageParam: '', getNextPageParam: (page) => page.next || undefined })
  return (
    <Loaded query={query}>
      {({ pages }) => {
        const found = pages.flatMap((page) => page.items ?? []).filter((c) => !hidden.has(c.id))
        if (found.length === 0 && q) {
          return (
            <Empty icon={IconSearch} title={t.nothing}>
              {t.nothingHint}
            </Empty>
          )
        }
        if (found.length === 0) {
          return (
            <Empty icon={IconMessages} title={t.none}>
              {speaks ? t.noneHint : t.noneToRead}
            </Empty>
          )
        }
        return (
          <>
            <Stack gap="xs" component="ul" p={0} m={0} aria-label={t.list} style={{ listStyle: 'none' }}>
              {found.map((c) => (
                <li key={c.id}>
                  <Row conversation={c} />
                </li>
              ))}
            </Stack>
            <More query={query} />
          </>
        )
      }}
    </Loaded>
  )
}

function Row({ conversation: c }: { conversation: Conversation }) {
  const t = text.chat
  const { project } = useApi()
  const may = useMay()('conversation.write')
  return (
    <Card withBorder padding="xs" px="sm">
      <Group justify="space-between" wrap="nowrap" gap="xs">
        <div style={{ minWidth: 0 }}>
          <Anchor component={Link} to="/p/$project/chat/$conversation" params={{ project, conversation: c.id } as never} fw={500} className="words" lineClamp={2} dir="auto">
            {titleOf(c)}
          </Anchor>
          <Text size="xs" c="dimmed">
            {t.count(c.count)}, {t.changed} <Moment at={c.updated_at} />
          </Text>
        </div>
        {may && <ConversationMenu conversation={c} />}
      </Group>
    </Card>
  )
}
