import { Alert, Button, Drawer, Group, Stack, Text, Title } from '@mantine/core'
import { IconDownload, IconTrash } from '@tabler/icons-react'
import { useMemo } from 'react'
import { useApi } from '../../../api/hooks'
import { useMay } from '../../../api/me'
import type { Document, DocumentContent } from '../../../api/schema'
import { bytesOf, keep, textOf } from '../../../files/bytes'
import { text } from '../../../text'
import { bytes } from '../../../text/format'
import { Fact, Facts } from '../../../ui/Facts'
import { Loaded } from '../../../ui/Loaded'
import { Moment } from '../../../ui/Moment'
import { sentence } from '../../../ui/ProblemNote'
import { Source } from '../../../ui/Source'
import { Who } from '../../../ui/Who'
import { DocumentState } from './Documents'

const shown = 100_000 // characters

/** A document: what is known of it, and what it says. */
export function DocumentDrawer({ id, close, remove }: { id: string; close: () => void; remove?: (d: Document) => void }) {
  const api = useApi()
  const query = api.query.useQuery('get', '/v1/documents/{document}/content', { params: { path: { document: id } } }, { enabled: id !== '' })
  return (
    <Drawer opened={id !== ''} onClose={close} position="right" size="xl" title={<span className="words">{query.data?.title || query.data?.source || text.knowledge.memory.documents.title}</span>} closeButtonProps={{ 'aria-label': text.common.close }}>
      <Loaded query={query}>{(d) => <Shown document={d} remove={remove && (() => remove(d))} />}</Loaded>
    </Drawer>
  )
}

function Shown({ document: d, remove }: { document: DocumentContent; remove?: (() => void) | undefined }) {
  const t = text.knowledge.memory.documents
  const may = useMay()
  const { data, says } = useMemo(() => {
    const data = bytesOf(d.content)
    return { data, says: d.kind === 'pdf' ? undefined : textOf(data) }
  }, [d.content, d.kind])
  return (
    <Stack>
      <Facts>
        <Fact name={t.state}>
          <DocumentState of={d} />
        </Fact>
        <Fact name={t.kind}>{t.kinds[d.kind]}</Fact>
        <Fact name={t.size}>
          {bytes(d.size)}, {t.count(d.parts)}
        </Fact>
        <Fact name={t.sourceName}>{d.source}</Fact>
        <Fact name={t.changed}>
          <Moment at={d.changed} />
        </Fact>
        <Fact name={t.by}>
          <Who actor={d.by} />
        </Fact>
        {d.model && <Fact name={t.model}>{d.model}</Fact>}
      </Facts>
      {d.why && (
        <Alert color={d.state === 'failed' ? 'red' : 'blue'} variant="light" title={t.why}>
          {sentence(d.why)}
        </Alert>
      )}
      {d.cut && (
        <Alert color="orange" variant="light">
          {t.cutHint}
        </Alert>
      )}
      <Group>
        <Button variant="default" leftSection={<IconDownload size={16} aria-hidden />} onClick={() => keep(d.source, data)}>
          {t.keep}
        </Button>
        {remove && may('memory.write') && (
          <Button variant="light" color="red" leftSection={<IconTrash size={16} aria-hidden />} onClick={remove}>
            {text.common.remove}
          </Button>
        )}
      </Group>
      <Title order={3} size="h5">
        {t.theContent}
      </Title>
      {says === undefined ? (
        <Text c="dimmed">{t.noText}</Text>
      ) : (
        <>
          <Source label={t.theContent} tall={560}>
            {says.slice(0, shown)}
          </Source>
          {says.length > shown && (
            <Text size="sm" c="dimmed">
              {t.first(shown)}
            </Text>
          )}
        </>
      )}
    </Stack>
  )
}
