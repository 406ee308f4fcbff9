import { Button, Checkbox, Group, Input, SimpleGrid } from '@mantine/core'
import { useMe } from '../../../api/me'
import { text } from '../../../text'

/** Which scopes a key can have here: an operator's are about the installation. */
function useScopes(): [string, string][] {
  const t = text.org
  const { org } = useMe()
  if (org !== 'org_installation') return Object.entries(t.scopes)
  return Object.entries({ ...t.operatorScopes, 'org:read': t.scopes['org:read'], 'audit:read': t.scopes['audit:read'] })
}

/** What a key may do, in plain words. */
export function ScopeFields({ value, change, error }: { value: string[]; change: (scopes: string[]) => void; error?: string }) {
  const t = text.org.keys
  const scopes = useScopes()
  const all = scopes.map(([scope]) => scope)
  return (
    <Checkbox.Group label={t.scopes} value={value} onChange={change} required error={error}>
      <Group my={6}>
        <Button size="compact-xs" variant="default" onClick={() => change(value.length === all.length ? [] : all)}>
          {t.all}
        </Button>
      </Group>
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="xs" verticalSpacing={8}>
        {scopes.map(([scope, words]) => (
          <Checkbox key={scope} value={scope} label={words} description={<Input.Description component="span" ff="monospace">{scope}</Input.Description>} />
        ))}
      </SimpleGrid>
    </Checkbox.Group>
  )
}
