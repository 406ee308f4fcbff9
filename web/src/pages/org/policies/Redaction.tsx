import { Button, Checkbox, Group, Select, Stack, Table } from '@mantine/core'
import { useState } from 'react'
import { useSend, useTagged } from '../../../api/hooks'
import { useMay } from '../../../api/me'
import type { Redaction as Policy } from '../../../api/schema'
import { text } from '../../../text'
import { Loaded } from '../../../ui/Loaded'
import { Rows } from '../../../ui/Rows'
import { SaveNote } from '../../../ui/SaveNote'
import { Section } from '../../../ui/Section'
import { done } from '../../../ui/told'

const path = '/v1/redaction'
type Action = 'redact' | 'refuse' | 'allow'
const actions: Action[] = ['redact', 'refuse', 'allow']

/** What becomes of secrets on their way to models and tools. */
export function Redaction() {
  const t = text.org.policies.redaction
  const query = useTagged(path)
  return (
    <Section title={t.title} lead={t.lead}>
      <Loaded query={query}>{({ data, etag }) => <Form from={data} etag={etag} />}</Loaded>
    </Section>
  )
}

function Form({ from, etag }: { from: Policy; etag: string }) {
  const t = text.org.policies.redaction
  const write = useMay()('redact.write')
  const [otherwise, setOtherwise] = useState<Action>(from.default || 'redact')
  const [kinds, setKinds] = useState<Record<string, string>>(from.kinds ?? {})
  const [answers, setAnswers] = useState(from.answers ?? false)
  const send = useSend('put', path, [path])
  const options = actions.map((value) => ({ value, label: t.actions[value] }))
  const submit = () => send.mutate({ body: { default: otherwise, kinds, answers }, ...(etag && { params: { header: { 'If-Match': etag } } }) }, { onSuccess: () => done(t.saved) })
  const set = (kind: string, action: string | null) => {
    const rest = Object.fromEntries(Object.entries(kinds).filter(([k]) => k !== kind))
    setKinds(action ? { ...rest, [kind]: action } : rest)
  }
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault()
        submit()
      }}
    >
      <Stack gap="sm">
        <Select label={t.otherwise} data={options} value={otherwise} onChange={(v) => setOtherwise(v as Action)} allowDeselect={false} readOnly={!write} maw={320} />
        <Checkbox label={t.answers} checked={answers} onChange={(e) => setAnswers(e.currentTarget.checked)} disabled={!write} />
        <Rows label={t.title} head={[t.kind, t.action]} minWidth={300}>
          {Object.keys(from.effective).map((kind) => {
            const label = t.kinds[kind] ?? kind
            return (
              <Table.Tr key={kind}>
                <Table.Td>{label}</Table.Td>
                <Table.Td>
                  <Select
                    aria-label={t.actionOf(label)}
                    size="xs"
                    data={options}
                    value={kinds[kind] ?? null}
                    placeholder={t.asDefault(t.actions[kind === 'canary' ? 'refuse' : otherwise])}
                    onChange={(v) => set(kind, v)}
                    clearable
                    clearButtonProps={{ 'aria-label': text.common.clear }}
                    readOnly={!write}
                  />
                </Table.Td>
              </Table.Tr>
            )
          })}
        </Rows>
        <SaveNote error={send.error} />
        {write && (
          <Group>
            <Button type="submit" loading={send.isPending}>
              {text.common.save}
            </Button>
          </Group>
        )}
      </Stack>
    </form>
  )
}
