import { Autocomplete, SegmentedControl, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { useApi } from '../../../api/hooks'
import { useMay } from '../../../api/me'
import type { PermissionRule } from '../../../api/schema'
import { text } from '../../../text'
import { DialogForm } from '../../../ui/Dialog'
import { done } from '../../../ui/told'
import { Pairs, pairsOf, recordOf } from '../Pairs'
import { inWords, replaced, usePolicy, type Now, type PolicyPath } from './policy'

const actions = ['allow', 'ask', 'deny'] as const

/** A rule, new or to be changed. */
export function RuleForm({ path, now, rule, close }: { path: PolicyPath; now: Now; rule: PermissionRule | undefined; close: () => void }) {
  const t = text.tooling.permissions
  const f = t.form
  const may = useMay()
  const api = useApi()
  const skills = api.query.useQuery('get', '/v1/skills', {}, { enabled: may('skill.read') })
  const [act, setAct] = useState<PermissionRule['do']>(rule?.do ?? 'ask')
  const [tool, setTool] = useState(rule?.tool ?? '')
  const [pairs, setPairs] = useState(pairsOf(rule?.with))
  const [skill, setSkill] = useState(rule?.skill ?? '')
  const { save, busy, error } = usePolicy(path, now)
  const wanted = recordOf(pairs)
  const made: PermissionRule = { do: act, tool: tool.trim(), ...(Object.keys(wanted).length > 0 && { with: wanted }), ...(skill.trim() && { skill: skill.trim() }) }
  const submit = () =>
    save({ rules: replaced(now.data.rules ?? [], rule, made) }).then(
      () => {
        done(t.saved)
        close()
      },
      () => undefined, // shown in the form
    )
  return (
    <DialogForm submit={() => void submit()} action={text.common.save} close={close} busy={busy} error={error} disabled={!made.tool}>
      <div>
        <SegmentedControl fullWidth aria-label={t.rule} value={act} onChange={(v) => setAct(v as PermissionRule['do'])} data={actions.map((value) => ({ value, label: t.do[value] }))} />
        <Text size="xs" c="dimmed" mt={4}>
          {t.doHint[act]}
        </Text>
      </div>
      <Autocomplete label={f.tool} description={f.toolHint} required maxLength={300} data={[]} value={tool} onChange={setTool} data-autofocus spellCheck={false} />
      <Pairs legend={f.with} hint={f.withHint} name={f.argument} value={f.pattern} add={f.addArgument} pairs={pairs} onChange={setPairs} most={10} />
      <Autocomplete label={f.skill} description={f.skillHint} maxLength={300} data={[...new Set((skills.data ?? []).map((s) => s.name))]} limit={50} value={skill} onChange={setSkill} />
      {made.tool && (
        <Stack gap={0} role="status">
          <Text size="xs" c="dimmed">
            {t.means}
          </Text>
          <Text size="sm" className="words">
            {inWords(made)}
          </Text>
        </Stack>
      )}
    </DialogForm>
  )
}
