import { Alert, Button, Group, Stack, Text, Textarea } from '@mantine/core'
import { IconCircleCheck } from '@tabler/icons-react'
import { useState } from 'react'
import { useSend } from '../../../api/hooks'
import { text } from '../../../text'
import { Copyable } from '../../../ui/Copyable'
import { DialogForm } from '../../../ui/Dialog'
import { at, type Of } from './of'

/** Takes checkpoints that were kept elsewhere. Each begins with a line of its log's name. */
export function KeptForm({ action, hint, error, busy, submit, close, one }: { action: string; hint: string; error: unknown; busy: boolean; submit: (checkpoints: string[]) => void; close: () => void; one?: boolean }) {
  const t = text.org.audit
  const [kept, setKept] = useState('')
  return (
    <DialogForm action={action} close={close} busy={busy} error={error} submit={() => submit(one ? [whole(kept)] : parted(kept))}>
      <Textarea label={one ? t.growthFrom : t.kept} description={hint} value={kept} onChange={(e) => setKept(e.currentTarget.value)} autosize minRows={6} maxRows={16} spellCheck={false} required={one} data-autofocus styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 'var(--mantine-font-size-xs)' } }} />
    </DialogForm>
  )
}

const whole = (checkpoint: string) => `${checkpoint.trim()}\n`

function parted(kept: string): string[] {
  return kept.split(/(?=^isekai\/audit\/)/m).map((c) => c.trim()).filter(Boolean).map(whole)
}

/** Proves that a log has only grown since a checkpoint. */
export function Growth({ of, close }: { of: Of; close: () => void }) {
  const t = text.org.audit
  const send = useSend('post', at(of, '/v1/audit/growth'))
  if (!send.data) return <KeptForm one action={t.growth} hint={t.growthHint} error={send.error} busy={send.isPending} close={close} submit={([checkpoint]) => send.mutate({ body: { checkpoint: checkpoint! } })} />
  return (
    <Stack gap="sm">
      <Alert role="status" color="green" variant="light" icon={<IconCircleCheck aria-hidden />} title={t.growthDone}>
        <Text size="sm">{t.growthHint}</Text>
      </Alert>
      <Copyable label={t.growthTo} value={send.data.to} />
      <Copyable label={t.proof} value={JSON.stringify(send.data, null, 2)} />
      <Group justify="flex-end">
        <Button onClick={close}>{text.common.done}</Button>
      </Group>
    </Stack>
  )
}
