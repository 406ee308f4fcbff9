import { Alert, Button, Checkbox, Group, List, Modal, SegmentedControl, Stack, Text, TextInput, Textarea } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useState } from 'react'
import { useSend } from '../../../api/hooks'
import type { AddedSkill, NewSkill } from '../../../api/schema'
import type { Chosen } from '../../../files/chosen'
import { text } from '../../../text'
import { CredentialField } from '../../../ui/CredentialField'
import { FileDrop } from '../../../ui/FileDrop'
import { asProblem } from '../../../api/problem'
import { ProblemNote, sentence } from '../../../ui/ProblemNote'
import { done } from '../../../ui/told'
import { archiveOf, packed, type Archive } from './archive'

type How = 'write' | 'upload' | 'repository'
const nowhere = { url: '', path: '', ref: '', credential: '', host_key: '' }

/** Adds a skill, or the next version of one: written here, uploaded, or out of a repository. */
export function AddSkill({ opened, close, added }: { opened: boolean; close: () => void; added: (name: string) => void }) {
  const t = text.knowledge.skills.form
  const [how, setHow] = useState<How>('write')
  const [markdown, setMarkdown] = useState(t.template)
  const [archive, setArchive] = useState<Archive | null>(null)
  const [from, setFrom] = useState(nowhere)
  const [shared, setShared] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const [result, setResult] = useState<AddedSkill | null>(null)
  const send = useSend('post', '/v1/skills', ['/v1/skills', '/v1/skills/{skill}'])

  const body = async (): Promise<NewSkill> => {
    if (how === 'repository') return { shared, repository: Object.fromEntries(Object.entries(from).flatMap(([k, v]) => (v.trim() ? [[k, v.trim()]] : []))) as { url: string } }
    return { shared, archive: how === 'upload' ? archive!.base64 : (await packed([{ path: 'SKILL.md', data: new Blob([markdown]) }], t.pasted)).base64 }
  }
  const leave = () => {
    setError(null)
    setResult(null)
    close()
  }
  const submit = async () => {
    setError(null)
    try {
      const made = await send.mutateAsync({ body: await body() })
      done(made.new ? t.added(made.name, made.number) : t.same(made.name))
      if (made.warnings?.length) {
        setResult(made)
        return
      }
      leave()
      added(made.name)
    } catch (e) {
      setError(e)
    }
  }
  const take = (files: Chosen[]) => {
    setError(null)
    archiveOf(files).then(setArchive, setError)
  }
  if (result) return <Warned opened={opened} made={result} close={leave} />
  return (
    <Modal opened={opened} onClose={leave} title={text.knowledge.skills.add} size="lg" closeButtonProps={{ 'aria-label': text.common.close }}>
      <form
        onSubmit={(e) => {
          e.preventDefault()
          void submit()
        }}
      >
        <Stack>
          <SegmentedControl aria-label={t.how} fullWidth value={how} onChange={(v) => setHow(v as How)} data={(['write', 'upload', 'repository'] as const).map((value) => ({ value, label: t[value] }))} />
          {how === 'write' && (
            <Textarea label={t.markdown} description={t.markdownHint} required autosize minRows={12} maxRows={20} styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 'var(--mantine-font-size-xs)' } }} spellCheck={false} value={markdown} onChange={(e) => setMarkdown(e.currentTarget.value)} />
          )}
          {how === 'upload' && (
            <>
              <FileDrop label={t.drop} hint={t.dropHint} accept=".zip,.tar.gz,.tgz,.md" folder take={take} />
              {archive && (
                <Text size="sm" role="status" className="words">
                  {t.chosen(archive.name, archive.files, archive.size)}
                </Text>
              )}
            </>
          )}
          {how === 'repository' && (
            <>
              <TextInput label={t.url} description={t.urlHint} required maxLength={2000} placeholder="https://example.com/team/skills.git" value={from.url} onChange={(e) => setFrom({ ...from, url: e.currentTarget.value })} />
              <Group grow align="flex-start">
                <TextInput label={t.path} description={t.pathHint} placeholder="skills/csv" maxLength={1024} value={from.path} onChange={(e) => setFrom({ ...from, path: e.currentTarget.value })} />
                <TextInput label={t.ref} description={t.refHint} maxLength={200} value={from.ref} onChange={(e) => setFrom({ ...from, ref: e.currentTarget.value })} />
              </Group>
              <CredentialField label={t.credential} description={t.credentialHint} value={from.credential} onChange={(credential) => setFrom({ ...from, credential })} />
              {/^(ssh:|[^/]+@)/.test(from.url) && <Textarea label={t.hostKey} description={t.hostKeyHint} autosize value={from.host_key} onChange={(e) => setFrom({ ...from, host_key: e.currentTarget.value })} />}
            </>
          )}
          <Checkbox label={t.shared} description={t.sharedHint} checked={shared} onChange={(e) => setShared(e.currentTarget.checked)} />
          <Text size="xs" c="dimmed">
            {t.trust}
          </Text>
          <Wrong error={error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={leave}>
              {text.common.cancel}
            </Button>
            <Button type="submit" loading={send.isPending} disabled={(how === 'upload' && !archive) || (how === 'write' && !markdown.trim()) || (how === 'repository' && !from.url.trim())}>
              {text.common.add}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}

/** Why something isn't a skill: each fault by itself. */
function Wrong({ error }: { error: unknown }) {
  if (!error) return null
  const problem = asProblem(error)
  const faults = problem.message.split('; ')
  if (problem.code !== 'invalid' || !/^(SKILL\.md|[\w./-]+:\d+|the )/.test(problem.message)) return <ProblemNote error={error} />
  return (
    <Alert color="red" variant="light" role="alert" icon={<IconAlertTriangle aria-hidden />} title={text.knowledge.skills.form.wrong}>
      <List size="sm" className="words">
        {faults.map((fault) => (
          <List.Item key={fault}>{sentence(fault)}</List.Item>
        ))}
      </List>
      {problem.hint && (
        <Text size="sm" mt={4}>
          {sentence(problem.hint)}
        </Text>
      )}
    </Alert>
  )
}

function Warned({ opened, made, close }: { opened: boolean; made: AddedSkill; close: () => void }) {
  const t = text.knowledge.skills.form
  return (
    <Modal opened={opened} onClose={close} title={t.added(made.name, made.number)} closeButtonProps={{ 'aria-label': text.common.close }}>
      <Stack>
        <Text size="sm">{t.warnings}</Text>
        <List size="sm" className="words">
          {(made.warnings ?? []).map((w, i) => (
            <List.Item key={i}>
              {w.file && <strong>{t.line(w.file, w.line ?? 0)}: </strong>}
              {sentence(w.message)} {w.hint && sentence(w.hint)}
            </List.Item>
          ))}
        </List>
        <Group justify="flex-end">
          <Button onClick={close}>{text.common.close}</Button>
        </Group>
      </Stack>
    </Modal>
  )
}
