import { Alert, Anchor, Badge, Button, Card, Group, NumberInput, Select, Stack, Text, TextInput } from '@mantine/core'
import { IconAlertTriangle, IconSearch } from '@tabler/icons-react'
import { useState } from 'react'
import { useSend } from '../../../api/hooks'
import type { RecalledHit } from '../../../api/schema'
import { text } from '../../../text'
import { Empty } from '../../../ui/Empty'
import { ProblemNote, sentence } from '../../../ui/ProblemNote'
import { DocumentDrawer } from './DocumentDrawer'

type Kind = '' | 'document' | 'fact'

/** A question to the memory, and what an agent would be shown. */
export function Search() {
  const t = text.knowledge.memory.search
  const [question, setQuestion] = useState('')
  const [kind, setKind] = useState<Kind>('')
  const [limit, setLimit] = useState<number | string>(8)
  const [open, setOpen] = useState('')
  const ask = useSend('post', '/v1/recall')
  const found = ask.data
  return (
    <Stack>
      <Text c="dimmed">{t.lead}</Text>
      <form
        role="search"
        onSubmit={(e) => {
          e.preventDefault()
          ask.mutate({ body: { question: question.trim(), limit: Number(limit) || 8, ...(kind && { kind }) } })
        }}
      >
        <Group align="flex-end" gap="sm">
          <TextInput label={t.question} placeholder={t.placeholder} style={{ flex: '1 1 18rem' }} maxLength={4000} required value={question} onChange={(e) => setQuestion(e.currentTarget.value)} />
          <Select label={t.kind} w={150} allowDeselect={false} data={Object.entries(t.kinds).map(([value, label]) => ({ value, label }))} value={kind} onChange={(v) => setKind((v ?? '') as Kind)} />
          <NumberInput label={t.limit} w={90} min={1} max={50} value={limit} onChange={setLimit} />
          <Button type="submit" loading={ask.isPending} leftSection={<IconSearch size={16} aria-hidden />} disabled={!question.trim()}>
            {t.go}
          </Button>
        </Group>
      </form>
      {ask.error && <ProblemNote error={ask.error} />}
      {found?.lacks?.length ? (
        <Alert color="orange" variant="light" icon={<IconAlertTriangle aria-hidden />} title={t.lacks} role="status">
          {found.lacks.map((what) => (
            <Text key={what} size="sm">
              {sentence(what)}
            </Text>
          ))}
        </Alert>
      ) : null}
      {found && (
        <>
          <Text role="status" size="sm" c="dimmed">
            {t.found(found.hits?.length ?? 0)}
          </Text>
          {found.hits?.length ? (
            found.hits.map((hit, i) => <Hit key={`${hit.id} ${hit.line ?? hit.page ?? i}`} hit={hit} open={setOpen} />)
          ) : (
            <Empty icon={IconSearch} title={t.none}>
              {t.noneHint}
            </Empty>
          )}
        </>
      )}
      <DocumentDrawer id={open} close={() => setOpen('')} />
    </Stack>
  )
}

function Hit({ hit, open }: { hit: RecalledHit; open: (id: string) => void }) {
  const t = text.knowledge.memory.search
  const place = [hit.heading, hit.page ? t.page(hit.page) : '', hit.line ? t.lines(hit.line, hit.end ?? hit.line) : ''].filter(Boolean).join(' · ')
  return (
    <Card withBorder padding="sm">
      <Group justify="space-between" gap="xs" mb={4} align="flex-start">
        <Text fw={600} size="sm" className="words" dir="auto" style={{ flex: '1 1 12rem' }}>
          {hit.kind === 'document' ? (
            <Anchor component="button" type="button" fw={600} ta="start" title={t.open} onClick={() => open(hit.id)}>
              {hit.title || hit.source}
            </Anchor>
          ) : (
            t.fact
          )}
        </Text>
        <Group gap={4}>
          {hit.by_words ? <Badge variant="light">{t.words(hit.by_words)}</Badge> : null}
          {hit.by_meaning ? (
            <Badge variant="light" color="teal">
              {t.meaning(hit.by_meaning)}
            </Badge>
          ) : null}
        </Group>
      </Group>
      {(place || hit.source) && (
        <Text size="xs" c="dimmed" className="words" dir="auto">
          {[hit.source !== hit.title ? hit.source : '', place].filter(Boolean).join(' · ')}
        </Text>
      )}
      <Text size="sm" mt={6} className="words" dir="auto" style={{ whiteSpace: 'pre-wrap' }}>
        {hit.text}
      </Text>
    </Card>
  )
}
