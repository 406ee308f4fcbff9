import '../../ui/code.css'
import { Box, Button, CopyButton, Group, Text } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import { useApi } from '../../api/hooks'
import type { File } from '../../api/schema'
import { download } from '../../files/download'
import { text } from '../../text'
import { bytes } from '../../text/format'
import { Loaded } from '../../ui/Loaded'
import { Scrollable } from '../../ui/Scrollable'
import { failed } from '../../ui/told'
import classes from './build.module.css'
import { fileAt, mostShown, useSource } from './source'

const mostHighlighted = 200 * 1024 // characters
const lineHeight = 20 // px, as in build.module.css

/** A file's content, at a line. */
export function Source({ app, version, file, line }: { app: string; version: number; file: File; line: number | undefined }) {
  const t = text.build.files
  const api = useApi()
  const large = file.size > mostShown
  const query = useSource(app, version, file.path, !large)
  const name = file.path.slice(file.path.lastIndexOf('/') + 1)
  return (
    <Box style={{ display: 'flex', flexDirection: 'column', minWidth: 0, minHeight: 0 }}>
      <Group gap="xs" mb={6}>
        <Text size="sm" ff="monospace" fw={600} className="words" style={{ flex: '1 1 10rem', minWidth: 0 }}>
          {file.path}
        </Text>
        <Text size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>{bytes(file.size)}</Text>
        {query.data && (
          <CopyButton value={query.data}>
            {({ copied, copy }) => (
              <Button size="compact-xs" variant="default" onClick={copy}>
                {copied ? t.copied : text.common.copy}
              </Button>
            )}
          </CopyButton>
        )}
        <Button size="compact-xs" variant="default" leftSection={<IconDownload size={14} aria-hidden />} onClick={() => void download(api, fileAt(app, version, file.path), name).catch(failed)}>
          {t.download}
        </Button>
      </Group>
      {large ? (
        <Text size="sm">{t.large(bytes(file.size))}</Text>
      ) : (
        <Loaded query={query}>{(source) => (source === null ? <Text size="sm">{t.binary}</Text> : source === '' ? <Text size="sm" c="dimmed">{t.empty}</Text> : <Code path={file.path} source={source} line={line} />)}</Loaded>
      )}
    </Box>
  )
}

function Code({ path, source, line }: { path: string; source: string; line: number | undefined }) {
  const box = useRef<HTMLDivElement>(null)
  const [marked, setMarked] = useState<{ of: string; shown: ReactNode } | null>(null)
  useEffect(() => {
    if (source.length > mostHighlighted) return
    let here = true
    import('../../ui/highlight').then(
      ({ highlight }) => here && setMarked({ of: source, shown: highlight(path, source) }),
      () => undefined, // it can be read without
    )
    return () => {
      here = false
    }
  }, [path, source])
  useEffect(() => {
    if (line && box.current) box.current.scrollTop = (line - 4) * lineHeight
  }, [line])
  const gutter = useMemo(() => Array.from({ length: source.replace(/\n$/, '').split('\n').length }, (_, i) => i + 1).join('\n'), [source])
  return (
    <Scrollable ref={box} className={classes.code} label={text.build.files.content(path)}>
      {line && <div className={classes.hit} style={{ top: `calc(0.5rem + ${line - 1} * ${lineHeight}px)` }} />}
      <div className={classes.gutter} aria-hidden>
        {gutter}
      </div>
      <pre className={classes.source}>
        <code>{marked?.of === source ? marked.shown : source}</code>
      </pre>
    </Scrollable>
  )
}
