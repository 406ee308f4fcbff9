import '../../ui/code.css'
import { ActionIcon, Anchor, CopyButton, Table, Text, Tooltip } from '@mantine/core'
import { IconCheck, IconCopy, IconPhoto, IconSquare, IconSquareCheck } from '@tabler/icons-react'
import { memo, type ReactNode, useEffect, useId, useMemo, useState } from 'react'
import ReactMarkdown, { type Components, type ExtraProps } from 'react-markdown'
import remarkGfm from 'remark-gfm'
import { text } from '../../text'
import { safeAddress } from '../../ui/away'
import { Scrollable } from '../../ui/Scrollable'
import { blocks } from './blocks'
import classes from './chat.module.css'
import { references } from './references'

const mostHighlighted = 50_000 // characters of one piece of code

/**
 * What a model has said, which may be hostile: elements and text, never HTML of its own, no picture from anywhere, no link
 * that does something else than to go to an address. While it grows, only its last block is read again.
 */
export const Markdown = memo(function Markdown({ source, growing, numbers, refer }: { source: string; growing?: boolean; numbers?: ReadonlySet<number>; refer?: (n: number) => ReactNode }) {
  const parts = growing ? blocks(source) : [source]
  return (
    <div className={classes.markdown} dir="auto">
      {parts.map((part, i) => (
        <Block key={i} source={part} numbers={numbers} refer={refer} />
      ))}
    </div>
  )
})

const none: ReadonlySet<number> = new Set()

const Block = memo(function Block({ source, numbers = none, refer }: { source: string; numbers?: ReadonlySet<number> | undefined; refer?: ((n: number) => ReactNode) | undefined }) {
  const prefix = `note-${useId().replace(/\W/g, '')}-` // notes of one answer aren't another's
  const plugins = useMemo(() => (numbers.size > 0 ? [remarkGfm, references(numbers)] : [remarkGfm]), [numbers])
  const components = useMemo((): Components => ({ ...elements, cite: ({ title }) => refer?.(Number(title)) ?? `[${title}]` }), [refer])
  const address = useMemo(() => (url: string) => (url.startsWith(`#${prefix}`) ? url : safeAddress(url)), [prefix])
  return (
    <ReactMarkdown
      remarkPlugins={plugins}
      components={components}
      urlTransform={address}
      remarkRehypeOptions={{ clobberPrefix: prefix, footnoteLabel: text.chat.markdown.notes, footnoteLabelTagName: 'p', footnoteLabelProperties: {}, footnoteBackLabel: text.common.back }}
    >
      {source}
    </ReactMarkdown>
  )
})

type Given<T extends 'a' | 'img' | 'input' | 'td' | 'th'> = React.ComponentProps<T> & ExtraProps

/** Headings of what was said are below those of the page, whatever they are called. */
const heading = (level: number) =>
  function Heading({ children }: { children?: ReactNode }) {
    return <h3 data-level={level}>{children}</h3>
  }

const elements: Components = {
  h1: heading(1),
  h2: heading(2),
  h3: heading(3),
  h4: heading(4),
  h5: heading(5),
  h6: heading(6),
  a: ({ href, children }: Given<'a'>) =>
    !href ? (
      <span>{children}</span>
    ) : href.startsWith('#') ? (
      <a href={href}>{children}</a>
    ) : (
      <Anchor href={href} title={href} target="_blank" rel="noopener noreferrer" underline="always" inherit>
        {children}
      </Anchor>
    ),
  img: ({ src, alt }: Given<'img'>) => {
    const label = alt || text.chat.markdown.image
    const shown = (
      <>
        <IconPhoto size={14} aria-hidden style={{ verticalAlign: '-2px' }} /> {label}
      </>
    )
    return typeof src === 'string' && src ? (
      <Anchor href={src} title={src} target="_blank" rel="noopener noreferrer" underline="always" inherit>
        {shown}
      </Anchor>
    ) : (
      <span>{shown}</span>
    )
  },
  input: ({ checked }: Given<'input'>) => {
    const Icon = checked ? IconSquareCheck : IconSquare
    return <Icon size={16} role="img" aria-label={checked ? text.chat.markdown.done : text.chat.markdown.open} style={{ verticalAlign: '-3px' }} />
  },
  table: ({ children }) => (
    <Scrollable label={text.chat.markdown.table} className={classes.wide}>
      <Table withTableBorder withColumnBorders verticalSpacing={4} fz="sm" w="auto">
        {children}
      </Table>
    </Scrollable>
  ),
  thead: Table.Thead,
  tbody: Table.Tbody,
  tr: ({ children }) => <Table.Tr>{children}</Table.Tr>,
  th: ({ children, style }: Given<'th'>) => <Table.Th style={style}>{children}</Table.Th>,
  td: ({ children, style }: Given<'td'>) => <Table.Td style={style}>{children}</Table.Td>,
  pre: ({ node }) => {
    const code = node?.children[0]
    if (code?.type !== 'element') return null
    const named = code.properties.className
    const language = (Array.isArray(named) ? named : []).map(String).find((name) => name.startsWith('language-'))?.slice('language-'.length) ?? ''
    return <Code language={language} source={code.children.map((c) => (c.type === 'text' ? c.value : '')).join('').replace(/\n$/, '')} />
  },
  code: ({ children }) => <code className={classes.inline}>{children}</code>,
}

/** A piece of code, with its kinds marked once they are known. */
function Code({ language, source }: { language: string; source: string }) {
  const t = text.chat.markdown
  const [highlight, setHighlight] = useState<((language: string, code: string) => ReactNode) | null>(null)
  useEffect(() => {
    if (!language) return
    let here = true
    import('../../ui/highlight').then(
      (m) => here && setHighlight(() => m.highlightAs),
      () => undefined, // it can be read without
    )
    return () => {
      here = false
    }
  }, [language])
  const shown = useMemo(() => (highlight && source.length <= mostHighlighted ? highlight(language, source) : source), [highlight, language, source])
  return (
    <div className={classes.code}>
      <div className={classes.codeHead}>
        <Text span size="xs" c="dimmed" ff="monospace">
          {language}
        </Text>
        <CopyButton value={source}>
          {({ copied, copy }) => (
            <Tooltip label={copied ? text.common.copied : t.copyCode}>
              <ActionIcon variant="subtle" color="gray" size="sm" aria-label={copied ? text.common.copied : t.copyCode} onClick={copy}>
                {copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
              </ActionIcon>
            </Tooltip>
          )}
        </CopyButton>
      </div>
      <Scrollable pre label={language ? t.codeOf(language) : t.code} className={classes.codeText}>
        <code dir="ltr">{shown}</code>
      </Scrollable>
    </div>
  )
}
