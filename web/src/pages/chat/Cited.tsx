import { Anchor, Button, Drawer, Group, Stack, Text, VisuallyHidden } from '@mantine/core'
import { IconExternalLink, IconFileText } from '@tabler/icons-react'
import { useState } from 'react'
import { useMay } from '../../api/me'
import { text } from '../../text'
import { safeAddress } from '../../ui/away'
import { Source as Passage } from '../../ui/Source'
import { DocumentDrawer } from '../knowledge/memory/DocumentDrawer'
import classes from './chat.module.css'
import type { Source } from './sources'

/** A small number within an answer, which opens what it stands for. */
export function Reference({ number, sources }: { number: number; sources: readonly Source[] }) {
  const t = text.chat.source
  const [open, setOpen] = useState(false)
  const meant = sources.filter((s) => s.number === number)
  const only = meant[0]
  if (only?.kind === 'page' && meant.length === 1) {
    return (
      <a className={classes.reference} href={safeAddress(only.address)} title={only.address} target="_blank" rel="noopener noreferrer" aria-label={`${t.of(number)}: ${t.page(hostOf(only.address))}`}>
        {number}
      </a>
    )
  }
  return (
    <>
      <button type="button" className={classes.reference} aria-label={t.of(number)} aria-haspopup="dialog" onClick={() => setOpen(true)}>
        {number}
      </button>
      <SourceDrawer sources={meant} opened={open} close={() => setOpen(false)} />
    </>
  )
}

/** What an answer is from, below it. */
export function Sources({ sources }: { sources: readonly Source[] }) {
  const t = text.chat.source
  const [open, setOpen] = useState<Source | null>(null)
  if (sources.length === 0) return null
  return (
    <>
      <Group component="ul" gap={6} mt={4} p={0} aria-label={t.list} className={classes.sources}>
        {sources.map((s) => (
          <li key={s.key}>
            {s.kind === 'page' ? (
              <Button component="a" href={safeAddress(s.address)} target="_blank" rel="noopener noreferrer" title={s.address} size="compact-xs" variant="default" leftSection={<IconExternalLink size={12} aria-hidden />} styles={short}>
                {s.title || hostOf(s.address)}
                <VisuallyHidden>, {t.page(hostOf(s.address))}</VisuallyHidden>
              </Button>
            ) : (
              <Button size="compact-xs" variant="default" leftSection={<IconFileText size={12} aria-hidden />} onClick={() => setOpen(s)} styles={short}>
                {s.number}. {s.cite}
              </Button>
            )}
          </li>
        ))}
      </Group>
      <SourceDrawer sources={open ? [open] : []} opened={open !== null} close={() => setOpen(null)} />
    </>
  )
}

const short = { root: { maxWidth: '100%' }, label: { maxWidth: '22rem' } }

/** Sources as they were when they were found, and the way to the whole. */
function SourceDrawer({ sources, opened, close }: { sources: readonly Source[]; opened: boolean; close: () => void }) {
  const t = text.chat.source
  const may = useMay()('memory.read')
  const [shown, setShown] = useState(sources)
  if (opened && keys(shown) !== keys(sources)) setShown(sources) // it stays as it was while it closes
  const [whole, setWhole] = useState('')
  return (
    <>
      <Drawer opened={opened} onClose={close} position="right" size="lg" title={t.title} closeButtonProps={{ 'aria-label': text.common.close }}>
        <Stack>
          {shown.length > 1 && <Text size="sm">{t.several}</Text>}
          {shown.map((s) =>
            s.kind === 'page' ? (
              <Anchor key={s.key} href={safeAddress(s.address)} target="_blank" rel="noopener noreferrer" underline="always" className="words">
                {s.title || s.address} <Text span size="sm">{t.page(hostOf(s.address))}</Text>
              </Anchor>
            ) : (
              <Stack key={s.key} gap="xs">
                <Text fw={600} className="words" dir="auto">
                  {s.cite}
                </Text>
                <Passage label={`${t.passage}: ${s.cite}`}>{s.text}</Passage>
                {may && s.id.startsWith('doc_') && (
                  <Group>
                    <Button size="compact-sm" variant="light" leftSection={<IconFileText size={14} aria-hidden />} onClick={() => setWhole(s.id)}>
                      {t.whole}
                    </Button>
                  </Group>
                )}
              </Stack>
            ),
          )}
        </Stack>
      </Drawer>
      <DocumentDrawer id={whole} close={() => setWhole('')} />
    </>
  )
}

const keys = (sources: readonly Source[]): string => sources.map((s) => s.key).join(' ')

function hostOf(address: string): string {
  try {
    return new URL(address).host
  } catch {
    return address
  }
}
