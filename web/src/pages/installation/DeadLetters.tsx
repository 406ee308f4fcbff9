import { Button, Code, Group, Modal, ScrollArea, Stack, Table, Text } from '@mantine/core'
import { IconMailCheck } from '@tabler/icons-react'
import { useState } from 'react'
import { useApi, useSend } from '../../api/hooks'
import { useMay } from '../../api/me'
import type { DeadLetter } from '../../api/schema'
import { text } from '../../text'
import { Confirm } from '../../ui/confirm'
import { Empty } from '../../ui/Empty'
import { Loaded } from '../../ui/Loaded'
import { Moment } from '../../ui/Moment'
import { Page } from '../../ui/Page'
import { More, Rows } from '../../ui/Rows'
import { sentence } from '../../ui/ProblemNote'
import { done, failed } from '../../ui/told'
import { OrgSelect } from './OrgSelect'

const list = '/v1/deadletters'
const one = '/v1/deadletters/{consumer}/{stream}/{version}'

/** Events that consumers couldn't apply. */
export default function DeadLetters() {
  const t = text.installation.letters
  const [org, setOrg] = useState('')
  return (
    <Page title={t.title} lead={t.lead}>
      <Stack>
        <OrgSelect org={org} choose={setOrg} />
        {org && <Letters org={org} />}
      </Stack>
    </Page>
  )
}

function Letters({ org }: { org: string }) {
  const t = text.installation.letters
  const query = useApi().query.useInfiniteQuery('get', list, { params: { query: { org, limit: 50 } } }, { pageParamName: 'cursor', initialPageParam: '', getNextPageParam: (page) => page.next || undefined })
  return (
    <Loaded query={query}>
      {({ pages }) => {
        const letters = pages.flatMap((page) => page.items ?? [])
        if (letters.length === 0) {
          return (
            <Empty icon={IconMailCheck} title={t.none}>
              {t.noneHint}
            </Empty>
          )
        }
        return (
          <>
            <Rows label={t.title} head={[t.consumer, t.event, t.reason, t.tries, t.at, '']} minWidth={720}>
                  {letters.map((l) => (
                    <Letter key={`${l.consumer}/${l.stream}/${l.version}`} letter={l} org={org} />
                  ))}
            </Rows>
            <More query={query} />
          </>
        )
      }}
    </Loaded>
  )
}

function Letter({ letter, org }: { letter: DeadLetter; org: string }) {
  const t = text.installation.letters
  const may = useMay()
  const [shown, setShown] = useState(false)
  const [dropping, setDropping] = useState(false)
  const of = { params: { path: { consumer: letter.consumer, stream: letter.stream, version: letter.version }, query: { org } } }
  const replay = useSend('post', `${one}/replay`, [list])
  const drop = useSend('delete', one, [list])
  return (
    <Table.Tr>
      <Table.Td>{letter.consumer}</Table.Td>
      <Table.Td>
        <Text size="sm">{letter.type}</Text>
        <Text size="xs" c="dimmed" ff="monospace">
          {letter.stream} @{letter.version}
        </Text>
      </Table.Td>
      <Table.Td className="words">{sentence(letter.reason)}</Table.Td>
      <Table.Td>{letter.tries}</Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        <Moment at={letter.at} />
      </Table.Td>
      <Table.Td>
        <Group gap="xs" wrap="nowrap" justify="flex-end">
          <Button size="compact-sm" variant="default" onClick={() => setShown(true)}>
            {t.show}
          </Button>
          {may('operate') && (
            <>
              <Button size="compact-sm" loading={replay.isPending} onClick={() => replay.mutate(of, { onSuccess: (r) => done(t.replayed(r.applied?.length ?? 0)), onError: failed })}>
                {t.replay}
              </Button>
              <Button size="compact-sm" variant="light" color="red" onClick={() => setDropping(true)}>
                {t.drop}
              </Button>
            </>
          )}
        </Group>
        {shown && <Content letter={letter} org={org} close={() => setShown(false)} />}
        <Confirm opened={dropping} close={() => setDropping(false)} title={text.common.sure} action={t.drop} act={() => drop.mutateAsync(of).then(() => done(t.dropped))}>
          {t.dropHint}
        </Confirm>
      </Table.Td>
    </Table.Tr>
  )
}

function Content({ letter, org, close }: { letter: DeadLetter; org: string; close: () => void }) {
  const t = text.installation.letters
  const query = useApi().query.useQuery('get', one, { params: { path: { consumer: letter.consumer, stream: letter.stream, version: letter.version }, query: { org } } })
  return (
    <Modal opened onClose={close} title={t.content} size="xl">
      <Stack>
        <Text size="sm" c="dimmed">
          {t.showHint}
        </Text>
        <Loaded query={query}>
          {(detail) => (
            <ScrollArea.Autosize mah="60vh" viewportProps={{ tabIndex: 0 }}>
              <Code block>{JSON.stringify(detail.content, null, 2)}</Code>
            </ScrollArea.Autosize>
          )}
        </Loaded>
      </Stack>
    </Modal>
  )
}
