import { useNavigate, useSearch } from '@tanstack/react-router'

/** Something of a page that its address has, so that it can be linked to and gone back from: a tab, what is open. */
export function usePlace(name: string, otherwise = ''): [string, (value: string) => void] {
  const search = useSearch({ strict: false }) as Record<string, unknown>
  const navigate = useNavigate()
  const value = search[name]
  const set = (next: string) =>
    void navigate({ to: '.', search: ((now: Record<string, unknown>) => ({ ...now, [name]: next === otherwise ? undefined : next })) as never, resetScroll: false })
  return [typeof value === 'string' ? value : otherwise, set]
}
