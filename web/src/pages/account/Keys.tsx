import { Button } from '@mantine/core'
import { useState } from 'react'
import { text } from '../../text'
import { Dialog } from '../../ui/Dialog'
import { Section } from '../../ui/Section'
import { KeyList } from '../org/keys/KeyList'
import { NewKey } from '../org/keys/NewKey'

/** One's own keys in the org. */
export function Keys() {
  const t = text.account.keys
  const [making, make] = useState(false)
  return (
    <Section
      title={t.title}
      lead={t.lead}
      plain
      actions={
        <Button size="xs" onClick={() => make(true)}>
          {t.create}
        </Button>
      }
    >
      <KeyList of="me" />
      <Dialog about={making} title={t.createTitle} close={() => make(false)} size="lg">
        {() => <NewKey services={false} close={() => make(false)} />}
      </Dialog>
    </Section>
  )
}
