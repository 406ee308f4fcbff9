import { Button } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import { useMay } from '../../api/me'
import { text } from '../../text'
import { Dialog } from '../../ui/Dialog'
import { Page } from '../../ui/Page'
import { KeyList } from './keys/KeyList'
import { NewKey } from './keys/NewKey'

/** All keys of the org. */
export default function Keys() {
  const t = text.org.keys
  const may = useMay()
  const [making, make] = useState(false)
  const create = (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => make(true)}>
      {t.create}
    </Button>
  )
  return (
    <Page title={t.title} lead={t.lead} actions={create}>
      <KeyList of="org" />
      <Dialog about={making} title={t.createTitle} close={() => make(false)} size="lg">
        {() => <NewKey services={may('key.write')} close={() => make(false)} />}
      </Dialog>
    </Page>
  )
}
