import { Anchor, Autocomplete } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useApi } from '../api/hooks'
import { useMay } from '../api/me'
import { text } from '../text'

/** The name of a credential that is kept: one of those that there are, or one that is made later. Never its value. */
export function CredentialField({ label, description, value, onChange, required }: { label: string; description?: string; value: string; onChange: (name: string) => void; required?: boolean }) {
  const t = text.knowledge.credential
  const api = useApi()
  const may = useMay()
  const { data } = api.query.useQuery('get', '/v1/secrets', { params: { query: { limit: 100 } } }, { enabled: may('secret.read') })
  const names = [...new Set((data?.items ?? []).map((s) => s.name))]
  return (
    <Autocomplete
      label={label}
      description={description}
      placeholder={required ? undefined : text.common.none}
      value={value}
      onChange={onChange}
      required={required}
      data={names}
      limit={50}
      maxLength={64}
      autoComplete="off"
      inputContainer={(children) => (
        <>
          {children}
          {may('secret.write') && (
            <Anchor component={Link} to="/org/secrets" size="xs">
              {t.add}
            </Anchor>
          )}
        </>
      )}
    />
  )
}
