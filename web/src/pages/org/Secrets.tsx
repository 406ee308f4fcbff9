import { Button } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import { useMay } from '../../api/me'
import type { Secret } from '../../api/schema'
import { text } from '../../text'
import { Dialog } from '../../ui/Dialog'
import { Page } from '../../ui/Page'
import { Section } from '../../ui/Section'
import { OfProject } from './OfProject'
import { Canaries } from './secrets/Canaries'
import { Due } from './secrets/Due'
import { SecretForm } from './secrets/SecretForm'
import { SecretList } from './secrets/SecretList'

/** What is kept for tools, models and repositories to use. */
export default function Secrets() {
  const t = text.org.secrets
  const may = useMay()
  return (
    <Page title={t.title} lead={t.lead}>
      {may('secret.write') && <Due />}
      <OfProject>
        <InProject />
      </OfProject>
      {may('redact.read') && <Canaries />}
    </Page>
  )
}

function InProject() {
  const t = text.org.secrets
  const may = useMay()
  const [editing, edit] = useState<Secret | 'new' | null>(null)
  const add = may('secret.write') && (
    <Button size="xs" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => edit('new')}>
      {t.add}
    </Button>
  )
  return (
    <Section title={t.list} lead={t.listLead} actions={add} plain>
      <SecretList edit={may('secret.write') ? edit : undefined} />
      <Dialog about={editing} title={!editing || editing === 'new' ? t.addTitle : t.editTitle(editing.name)} close={() => edit(null)} size="lg">
        {(s) => <SecretForm from={s === 'new' ? undefined : s} close={() => edit(null)} />}
      </Dialog>
    </Section>
  )
}
