import { Button } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import { text } from '../../../text'
import { Page } from '../../../ui/Page'
import { Entries } from './Entries'
import { at, type Of } from './of'
import { Verification } from './Verification'

/** A page of the org's audit log, or of the installation's. */
export function AuditOf({ of, title }: { of: Of; title?: string }) {
  const t = text.org.audit
  return (
    <Page
      title={title ?? t.title}
      lead={of === 'org' ? t.lead : t.leadHouse}
      actions={
        <Button variant="default" component="a" href={at(of, '/v1/audit/export')} download="audit.jsonl" leftSection={<IconDownload size={16} aria-hidden />}>
          {t.export}
        </Button>
      }
    >
      <Verification of={of} />
      <Entries of={of} />
    </Page>
  )
}
