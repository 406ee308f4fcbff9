import { Badge, Button, Group, Select, Stack, Text } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import { memo, useMemo, useState } from 'react'
import { useApi } from '../../api/hooks'
import type { FileDiff, Version } from '../../api/schema'
import { text } from '../../text'
import { Loaded } from '../../ui/Loaded'
import { Scrollable } from '../../ui/Scrollable'
import classes from './build.module.css'

interface Pair {
  from: number
  to: number
}

/** What differs between two versions, file by file. */
export function Comparison({ app, versions, at, choose, close }: { app: string; versions: Version[]; at: Pair; choose: (at: Pair) => void; close: () => void }) {
  const t = text.build.versions
  const same = at.from === at.to
  const query = useApi().query.useQuery('get', '/v1/apps/{app}/diff', { params: { path: { app }, query: at } }, { enabled: !same, staleTime: Infinity })
  const data = versions.map((v) => ({ value: String(v.number), label: t.number(v.number) }))
  return (
    <Stack gap="sm" style={{ overflow: 'auto' }} tabIndex={0} role="group" aria-label={t.compare}>
      <Group gap="xs" align="flex-end">
        <Select label={t.from} size="xs" w={130} allowDeselect={false} data={data} value={String(at.from)} onChange={(v) => v && choose({ ...at, from: Number(v) })} />
        <Select label={t.to} size="xs" w={130} allowDeselect={false} data={data} value={String(at.to)} onChange={(v) => v && choose({ ...at, to: Number(v) })} />
        <Button size="xs" variant="default" ml="auto" leftSection={<IconX size={14} aria-hidden />} onClick={close}>
          {t.close}
        </Button>
      </Group>
      {same ? (
        <Text size="sm" c="dimmed">{t.sameVersion}</Text>
      ) : (
        <Loaded query={query}>
          {({ files }) => (
            <>
              <Text size="sm" c="dimmed" role="status">{files?.length ? t.changes(files.length) : t.same}</Text>
              {(files ?? []).map((file) => (
                <OneFile key={`${at.from} ${at.to} ${file.path}`} file={file} />
              ))}
            </>
          )}
        </Loaded>
      )}
    </Stack>
  )
}

const most = 200 // lines of a file before one asks for more

/** A unified diff's lines, without what is before the first part. */
function linesOf(unified: string): string[] {
  const lines = unified.replace(/\n$/, '').split('\n')
  return lines.slice(Math.max(lines.findIndex((line) => line.startsWith('@@')), 0)).filter(Boolean)
}

const OneFile = memo(function OneFile({ file }: { file: FileDiff }) {
  const t = text.build.versions
  const [shown, setShown] = useState(most)
  const lines = useMemo(() => linesOf(file.unified ?? ''), [file.unified])
  const count = (sign: string) => lines.filter((line) => line.startsWith(sign)).length
  const rest = lines.length - shown
  return (
    <section aria-label={t.diffOf(file.path)} style={{ border: '1px solid var(--mantine-color-default-border)', borderRadius: 'var(--mantine-radius-md)', overflow: 'hidden' }}>
      <Group gap="xs" px="sm" py={6} wrap="nowrap" style={{ borderBottom: '1px solid var(--mantine-color-default-border)' }}>
        <Text size="sm" ff="monospace" fw={600} className="words" style={{ flex: 1, minWidth: 0 }}>{file.path}</Text>
        <Badge size="sm" variant="default" tt="none" style={{ flexShrink: 0 }}>{t.change[file.change] ?? file.change}</Badge>
        {lines.length > 0 && <Text size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>{`+${count('+')} −${count('-')}`}</Text>}
      </Group>
      {file.binary || file.too_long ? (
        <Text size="sm" c="dimmed" p="sm">{file.binary ? t.binary : t.tooLong}</Text>
      ) : (
        <Scrollable className={classes.diff} label={t.diffOf(file.path)}>
          {lines.slice(0, shown).map((line, i) => (
            <div key={i} className={line.startsWith('+') ? classes.added : line.startsWith('-') ? classes.removed : line.startsWith('@@') ? classes.hunk : undefined}>
              {line}
            </div>
          ))}
        </Scrollable>
      )}
      {rest > 0 && (
        <Button size="compact-sm" variant="subtle" m={6} onClick={() => setShown(shown + 2000)}>
          {t.showLines(rest)}
        </Button>
      )}
    </section>
  )
})
