import { Badge, Button, Code, Group, Table, Text } from '@mantine/core'
import { IconBan, IconCheck, IconPencil, IconPlus, IconQuestionMark, IconShieldLock, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import { useMay } from '../../../api/me'
import type { PermissionRule } from '../../../api/schema'
import { text } from '../../../text'
import { Confirm } from '../../../ui/confirm'
import { Dialog } from '../../../ui/Dialog'
import { Empty } from '../../../ui/Empty'
import { RowAction, Rows } from '../../../ui/Rows'
import { done } from '../../../ui/told'
import { inWords, mostRules, replaced, usePolicy, type Now, type PolicyPath } from './policy'
import { RuleForm } from './RuleForm'

/** The rules of a policy: each can be changed, and removed. */
export function Rules({ path, now }: { path: PolicyPath; now: Now }) {
  const t = text.tooling.permissions
  const may = useMay()('permission.write')
  const { save } = usePolicy(path, now)
  const [editing, setEditing] = useState<{ rule?: PermissionRule } | null>(null)
  const [removing, setRemoving] = useState<PermissionRule | null>(null)
  const rules = now.data.rules ?? []
  const add = may && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} disabled={rules.length >= mostRules} onClick={() => setEditing({})}>
      {t.add}
    </Button>
  )
  return (
    <div>
      {rules.length === 0 ? (
        <Empty icon={IconShieldLock} title={t.none} action={add}>
          {t.noneHint}
        </Empty>
      ) : (
        <>
          <Group mb="sm">
            {add}
            {rules.length >= mostRules && <Text size="sm">{t.most}</Text>}
          </Group>
          <Rows label={t.rule} head={[t.rule, t.tool, t.args, t.skill, ...(may ? [''] : [])]} minWidth={600}>
            {rules.map((r, i) => (
              <Table.Tr key={i}>
                <Table.Td>
                  <Do is={r.do} />
                </Table.Td>
                <Table.Td className="words">
                  <Code>{r.tool}</Code>
                </Table.Td>
                <Table.Td className="words">
                  {Object.keys(r.with ?? {}).length === 0 ? (
                    <Text size="sm" c="dimmed">
                      {t.anyArgs}
                    </Text>
                  ) : (
                    Object.entries(r.with ?? {}).map(([name, pattern]) => (
                      <Text key={name} size="sm">
                        <Code>{name}</Code> = <Code>{pattern}</Code>
                      </Text>
                    ))
                  )}
                </Table.Td>
                <Table.Td className="words">{r.skill ? <Code>{r.skill}</Code> : <Text size="sm" c="dimmed">{t.anySkill}</Text>}</Table.Td>
                {may && (
                  <Table.Td>
                    <Group gap={4} wrap="nowrap" justify="flex-end">
                      <RowAction icon={IconPencil} label={t.edit(inWords(r))} act={() => setEditing({ rule: r })} />
                      <RowAction icon={IconTrash} label={t.remove(inWords(r))} danger act={() => setRemoving(r)} />
                    </Group>
                  </Table.Td>
                )}
              </Table.Tr>
            ))}
          </Rows>
        </>
      )}
      {!may && (
        <Text size="sm" c="dimmed" mt="sm">
          {t.readOnly}
        </Text>
      )}
      <Dialog about={editing} title={editing?.rule ? t.editTitle : t.add} close={() => setEditing(null)} size="lg">
        {({ rule }) => <RuleForm path={path} now={now} rule={rule} close={() => setEditing(null)} />}
      </Dialog>
      <Confirm
        opened={removing !== null}
        close={() => setRemoving(null)}
        title={t.rule}
        action={text.common.remove}
        act={async () => {
          await save({ rules: replaced(rules, removing ?? undefined, undefined) })
          done(t.saved)
        }}
      >
        <span className="words">{removing && inWords(removing)}</span>
      </Confirm>
    </div>
  )
}

const looks = { allow: ['green', IconCheck], ask: ['orange', IconQuestionMark], deny: ['red', IconBan] } as const

/** What is done about calls. */
export function Do({ is, label }: { is: 'allow' | 'ask' | 'deny'; label?: string }) {
  const [color, Icon] = looks[is]
  return (
    <Badge variant="light" color={color} miw="max-content" leftSection={<Icon size={12} aria-hidden />}>
      {label ?? text.tooling.permissions.do[is]}
    </Badge>
  )
}
