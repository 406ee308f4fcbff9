import { Alert, Button, Group, Stack, Text } from '@mantine/core'
import { IconAlertTriangle, IconCheck, IconCircleCheck } from '@tabler/icons-react'
import { useState } from 'react'
import { useSend } from '../../../api/hooks'
import type { AuditPart, AuditReport } from '../../../api/schema'
import { text } from '../../../text'
import { Copyable } from '../../../ui/Copyable'
import { Dialog } from '../../../ui/Dialog'
import { ProblemNote, sentence } from '../../../ui/ProblemNote'
import { Section } from '../../../ui/Section'
import { failed } from '../../../ui/told'
import { KeptForm, Growth } from './Growth'
import { at, type Of } from './of'

/** Whether a log is as it was written, and what shows later that nothing was taken away. */
export function Verification({ of }: { of: Of }) {
  const t = text.org.audit
  const verify = useSend('post', at(of, '/v1/audit/verify'))
  const checkpoint = useSend('post', at(of, '/v1/audit/checkpoint'))
  const [asking, ask] = useState<'verify' | 'growth' | null>(null)
  return (
    <Section
      title={t.verification}
      lead={t.verificationLead}
      actions={
        <>
          <Button size="xs" leftSection={<IconCheck size={14} aria-hidden />} loading={verify.isPending} onClick={() => verify.mutate({ body: {} })}>
            {t.verify}
          </Button>
          <Button size="xs" variant="default" onClick={() => ask('verify')}>
            {t.kept}
          </Button>
          <Button size="xs" variant="default" loading={checkpoint.isPending} onClick={() => checkpoint.mutate({}, { onError: failed })}>
            {t.checkpoint}
          </Button>
          <Button size="xs" variant="default" onClick={() => ask('growth')}>
            {t.growth}
          </Button>
        </>
      }
      plain
    >
      {verify.error && <ProblemNote error={verify.error} />}
      {verify.data && !verify.isPending && <Report of={verify.data} />}
      {checkpoint.data && (
        <Stack gap={4} mt="sm">
          <Copyable label={t.checkpointLabel} value={checkpoint.data.checkpoint} />
          <Text size="xs" c="dimmed">
            {t.checkpointHint}
          </Text>
        </Stack>
      )}
      <Dialog about={asking === 'verify'} title={t.kept} close={() => ask(null)} size="lg">
        {() => <KeptForm action={t.verify} hint={t.keptHint} error={verify.error} busy={verify.isPending} close={() => ask(null)} submit={(checkpoints) => verify.mutate({ body: { checkpoints } }, { onSuccess: () => ask(null) })} />}
      </Dialog>
      <Dialog about={asking === 'growth'} title={t.growth} close={() => ask(null)} size="lg">
        {() => <Growth of={of} close={() => ask(null)} />}
      </Dialog>
    </Section>
  )
}

function Report({ of: r }: { of: AuditReport }) {
  const t = text.org.audit
  return (
    <Stack gap="xs">
      <Part of={r} />
      {(r.before ?? []).map((p) => (
        <Part key={p.after ?? 0} of={p} earlier />
      ))}
      {r.checkpoint && !r.fault && (
        <Text size="xs" c="dimmed">
          {t.checkpointHint}
        </Text>
      )}
      {r.checkpoint && !r.fault && <Copyable label={t.checkpointLabel} value={r.checkpoint} />}
    </Stack>
  )
}

function Part({ of: p, earlier }: { of: AuditPart; earlier?: boolean }) {
  const t = text.org.audit
  if (!p.fault) {
    return (
      <Alert role="status" color="green" variant="light" icon={<IconCircleCheck aria-hidden />} title={t.well}>
        {earlier ? t.before(p.rows) : t.wellRows(p.rows)}
      </Alert>
    )
  }
  return (
    <Alert role="alert" color="red" variant="light" icon={<IconAlertTriangle aria-hidden />} title={t.broken}>
      <Text size="sm" fw={600}>
        {t.fault(p.fault.row, t.faults[p.fault.kind])}
      </Text>
      <Text size="sm" className="words">
        {sentence(p.fault.text)}
      </Text>
      <Group gap="md">
        {p.fault.id && (
          <Text size="xs" ff="monospace" className="words">
            {t.event(p.fault.id)}
          </Text>
        )}
        <Text size="xs">{earlier ? t.before(p.rows) : t.faultRows(p.rows)}</Text>
      </Group>
    </Alert>
  )
}
