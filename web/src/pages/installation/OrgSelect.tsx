import { Select } from '@mantine/core'
import { useEffect } from 'react'
import { useApi } from '../../api/hooks'
import { text } from '../../text'

/** Which org it is about. The first is chosen until somebody chooses. */
export function OrgSelect({ org, choose }: { org: string; choose: (org: string) => void }) {
  const query = useApi().query.useQuery('get', '/v1/installation/orgs', { params: { query: { limit: 100 } } })
  const all = query.data?.items
  useEffect(() => {
    const first = all?.find((o) => o.id !== 'org_installation')?.id
    if (!org && first) choose(first)
  }, [all, org, choose])
  return <Select label={text.installation.org} placeholder={text.installation.anOrg} searchable w={260} data={(all ?? []).map((o) => ({ value: o.id, label: o.name }))} value={org || null} onChange={(v) => v && choose(v)} allowDeselect={false} />
}
