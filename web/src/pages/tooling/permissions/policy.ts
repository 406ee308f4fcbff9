import { useSend, type Tagged } from '../../../api/hooks'
import type { NewPermissions, PermissionRule } from '../../../api/schema'
import { text } from '../../../text'

export type PolicyPath = '/v1/permissions' | '/v1/org/permissions'
export type Now = Tagged<NewPermissions>

export const mostRules = 200

/** Saves a policy in place of the one that was read. */
export function usePolicy(path: PolicyPath, now: Now) {
  const send = useSend('put', path, ['/v1/permissions', '/v1/org/permissions', '/v1/tools'])
  const save = (change: Partial<NewPermissions>) => {
    const { rules, wait_seconds } = { ...now.data, ...change }
    return send.mutateAsync({ params: { header: now.etag ? { 'If-Match': now.etag } : {} }, body: { rules: rules ?? [], ...(wait_seconds && { wait_seconds }) } })
  }
  return { save, busy: send.isPending, error: send.error, reset: send.reset }
}

const canonical = (r: PermissionRule): string => JSON.stringify([r.do, r.tool, r.skill ?? '', Object.entries(r.with ?? {}).sort()])

/** The rules with one in place of another, wherever that is by now; added if that isn't there. */
export function replaced(rules: readonly PermissionRule[], old: PermissionRule | undefined, by: PermissionRule | undefined): PermissionRule[] {
  const at = old ? rules.findIndex((r) => canonical(r) === canonical(old)) : -1
  if (at < 0) return by ? [...rules, by] : [...rules]
  return rules.flatMap((r, i) => (i !== at ? [r] : by ? [by] : []))
}

/** What a rule says, in words. */
export function inWords(r: PermissionRule): string {
  const t = text.tooling.permissions
  const args = Object.entries(r.with ?? {}).map(([name, pattern]) => t.matches(name, pattern)).join(t.and)
  return t.words(t.verb[r.do], r.tool === '*' ? t.anyTool : r.tool, args, r.skill ?? '')
}

/** Whether a pattern is about a name: * is any text, ? any character. */
export function about(pattern: string, name: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\*+/g, '.*').replace(/\?/g, '.')
  return new RegExp(`^${escaped}$`, 'su').test(name)
}
