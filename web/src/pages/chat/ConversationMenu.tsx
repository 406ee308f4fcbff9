import { ActionIcon, Menu, TextInput } from '@mantine/core'
import { IconDots, IconPencil, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import { useSend } from '../../api/hooks'
import type { Conversation } from '../../api/schema'
import { text } from '../../text'
import { Dialog, DialogForm } from '../../ui/Dialog'
import { done, failed } from '../../ui/told'
import { conversationLists, titleOf, useDeletion } from './conversations'

/** What can be done with a conversation as a whole. */
export function ConversationMenu({ conversation: c, deleted }: { conversation: Conversation; deleted?: () => void }) {
  const t = text.chat
  const [renaming, setRenaming] = useState(false)
  const change = useSend('patch', '/v1/conversations/{conversation}', conversationLists)
  const remove = useDeletion()
  const close = () => setRenaming(false)
  return (
    <>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" size="lg" aria-label={text.common.actions(titleOf(c))}>
            <IconDots size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPencil size={16} aria-hidden />} onClick={() => setRenaming(true)}>
            {t.rename}
          </Menu.Item>
          <Menu.CheckboxItem closeMenuOnClick checked={!!c.remember} onChange={(remember) => change.mutate({ params: { path: { conversation: c.id } }, body: { remember } }, { onError: failed })}>
            {t.remember}
          </Menu.CheckboxItem>
          <Menu.Item
            color="red"
            leftSection={<IconTrash size={16} aria-hidden />}
            onClick={() => {
              remove(c)
              deleted?.()
            }}
          >
            {text.common.delete}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Dialog about={renaming && c} title={t.rename} close={close}>
        {(about) => <Rename title={about.title} close={close} save={(title) => change.mutateAsync({ params: { path: { conversation: c.id } }, body: { title } })} />}
      </Dialog>
    </>
  )
}

function Rename({ title: was, close, save }: { title: string; close: () => void; save: (title: string) => Promise<unknown> }) {
  const t = text.chat
  const [title, setTitle] = useState(was)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const submit = async () => {
    setBusy(true)
    setError(null)
    try {
      await save(title.trim())
      done(t.renamed)
      close()
    } catch (e) {
      setError(e)
      setBusy(false)
    }
  }
  return (
    <DialogForm submit={() => void submit()} action={text.common.save} close={close} busy={busy} error={error} disabled={!title.trim()}>
      <TextInput label={t.titleField} value={title} onChange={(e) => setTitle(e.currentTarget.value)} maxLength={200} required data-autofocus />
    </DialogForm>
  )
}
