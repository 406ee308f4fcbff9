import { Table, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useApi } from '../../../api/hooks'
import type { Price } from '../../../api/schema'
import { text } from '../../../text'
import { credits } from '../../../text/format'
import { Loaded } from '../../../ui/Loaded'
import { Rows } from '../../../ui/Rows'
import { Section } from '../../../ui/Section'

const shown = 15 // rows, before one has to search

/** What the org pays. */
export function Prices() {
  const t = text.org.credits.prices
  const query = useApi().query.useQuery('get', '/v1/prices')
  const [asked, setAsked] = useState('')
  return (
    <Loaded query={query}>
      {({ prices, from, as_of }) => {
        const found = Object.entries(prices).filter(([name]) => name.toLowerCase().includes(asked.trim().toLowerCase())).sort(([a], [b]) => Number(from[a] === 'built-in') - Number(from[b] === 'built-in') || a.localeCompare(b))
        return (
          <Section title={t.title} lead={t.lead(as_of)} plain actions={<TextInput size="xs" aria-label={t.search} placeholder={t.search} value={asked} onChange={(e) => setAsked(e.currentTarget.value)} />}>
            {found.length === 0 ? (
              <Text size="sm" c="dimmed">
                {t.none}
              </Text>
            ) : (
              <Rows label={t.title} head={[t.name, t.read, t.written, t.call, t.other, t.from]} minWidth={680}>
                {found.slice(0, shown).map(([name, p]) => (
                  <Table.Tr key={name}>
                    <Table.Td className="words">{name}</Table.Td>
                    <Table.Td>{amount(p.input)}</Table.Td>
                    <Table.Td>{amount(p.output)}</Table.Td>
                    <Table.Td>{amount(p.call)}</Table.Td>
                    <Table.Td>{others(p)}</Table.Td>
                    <Table.Td>{t.froms[from[name] ?? ''] ?? from[name]}</Table.Td>
                  </Table.Tr>
                ))}
              </Rows>
            )}
            {found.length > shown && (
              <Text size="sm" c="dimmed" mt="xs" role="status">
                {t.more(found.length - shown)}
              </Text>
            )}
          </Section>
        )
      }}
    </Loaded>
  )
}

const amount = (micro: number | undefined) => (micro ? credits(micro) : '–')

function others(p: Price): string {
  const t = text.org.credits.prices
  return [p.cached && t.cached(credits(p.cached)), p.second && t.second(credits(p.second)), p.gib_day && t.kept(credits(p.gib_day))].filter(Boolean).join(', ')
}
