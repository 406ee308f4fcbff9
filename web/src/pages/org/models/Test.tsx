import { Alert, Button, Group, Stack, Table, Text, TextInput } from '@mantine/core'
import { IconCheck, IconX } from '@tabler/icons-react'
import { useState } from 'react'
import { useSend } from '../../../api/hooks'
import type { ModelProvider, ModelTest } from '../../../api/schema'
import { text } from '../../../text'
import { duration } from '../../../text/format'
import { Details } from '../../../ui/Details'
import { ProblemNote, sentence } from '../../../ui/ProblemNote'
import { Rows } from '../../../ui/Rows'
import { at, lists, type Of } from './of'

/** Tries a provider, and says what works. */
export function Test({ of, provider }: { of: Of; provider: ModelProvider }) {
  const t = text.org.models.test
  const [model, setModel] = useState('')
  const send = useSend('post', at(of, '/v1/gateway/providers/{provider}/test'), lists)
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault()
        send.mutate({ params: { path: { provider: provider.name }, query: model.trim() ? { model: model.trim() } : {} } })
      }}
    >
      <Stack gap="sm">
        <Text size="sm">{t.lead}</Text>
        <Group align="flex-end" gap="sm">
          <TextInput label={t.model} description={t.modelHint} value={model} onChange={(e) => setModel(e.currentTarget.value)} style={{ flex: 1 }} />
          <Button type="submit" loading={send.isPending} data-autofocus>
            {t.run}
          </Button>
        </Group>
        {send.error && <ProblemNote error={send.error} />}
        {send.data && !send.isPending && <Report of={send.data} />}
      </Stack>
    </form>
  )
}

function Report({ of: r }: { of: ModelTest }) {
  const t = text.org.models.test
  const models = r.models ?? []
  return (
    <>
      <Alert role="status" color={r.works ? 'green' : 'red'} variant="light" icon={r.works ? <IconCheck aria-hidden /> : <IconX aria-hidden />} title={r.works ? t.works : t.fails}>
        {t.has(models.length)}
      </Alert>
      <Rows label={t.result} head={[t.operation, t.model, t.result, t.took]} minWidth={480}>
        {(r.trials ?? []).map((trial) => (
          <Table.Tr key={trial.operation}>
            <Table.Td>{trial.operation === 'models' ? t.list : trial.operation}</Table.Td>
            <Table.Td className="words">{trial.model}</Table.Td>
            <Table.Td className="words">
              {trial.skipped ? t.skipped(trial.skipped) : trial.code ? sentence(trial.message ?? trial.code) : t.ok}
              {trial.hint && (
                <Text size="xs" c="dimmed">
                  {sentence(trial.hint)}
                </Text>
              )}
            </Table.Td>
            <Table.Td style={{ whiteSpace: 'nowrap' }}>{trial.skipped ? '' : duration(trial.took_ms)}</Table.Td>
          </Table.Tr>
        ))}
      </Rows>
      {models.length > 0 && (
        <Details summary={t.list}>
          <Text size="sm" ff="monospace" className="words">
            {models.join(', ')}
          </Text>
        </Details>
      )}
    </>
  )
}
