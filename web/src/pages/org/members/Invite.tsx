import { Checkbox, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useSend } from '../../../api/hooks'
import type { Place } from '../../../api/schema'
import { text } from '../../../text'
import { ShownOnce } from '../../../ui/Copyable'
import { DialogForm } from '../../../ui/Dialog'
import { PlaceFields } from '../PlaceFields'

/** Asks a person into the org: by a link, which is shown once. */
export function Invite({ close }: { close: () => void }) {
  const t = text.org.members
  const [email, setEmail] = useState('')
  const [mail, setMail] = useState(false)
  const [place, setPlace] = useState<Place>({ role: 'member', projects: [] })
  const [link, setLink] = useState('')
  const send = useSend('post', '/v1/invitations', ['/v1/invitations'])
  if (link) {
    return (
      <ShownOnce label={t.link} value={link} note={t.linkNote} close={close}>
        <Text size="sm" c="dimmed" className="words">
          {t.linkFor(email)}
        </Text>
      </ShownOnce>
    )
  }
  return (
    <DialogForm
      action={t.makeLink}
      close={close}
      busy={send.isPending}
      error={send.error}
      submit={() => send.mutate({ body: { email, mail, ...place } }, { onSuccess: ({ token }) => setLink(`${location.origin}/invitation#token=${encodeURIComponent(token)}`) })}
    >
      <TextInput label={t.email} type="email" value={email} onChange={(e) => setEmail(e.currentTarget.value)} required data-autofocus autoComplete="off" />
      <PlaceFields value={place} change={setPlace} />
      <Checkbox label={t.mail} description={t.mailHint} checked={mail} onChange={(e) => setMail(e.currentTarget.checked)} />
    </DialogForm>
  )
}

/** Makes a member that is a program. */
export function NewService({ close, made }: { close: () => void; made: (name: string) => void }) {
  const t = text.org.members
  const [name, setName] = useState('')
  const [place, setPlace] = useState<Place>({ role: 'member', projects: [] })
  const send = useSend('post', '/v1/services', ['/v1/members'])
  return (
    <DialogForm
      action={text.common.create}
      close={close}
      busy={send.isPending}
      error={send.error}
      submit={() =>
        send.mutate({ body: { name, ...place } }, {
          onSuccess: () => {
            made(name)
            close()
          },
        })
      }
    >
      <Text size="sm" c="dimmed">
        {t.serviceLead}
      </Text>
      <TextInput label={text.common.name} value={name} onChange={(e) => setName(e.currentTarget.value)} required maxLength={100} data-autofocus />
      <PlaceFields value={place} change={setPlace} />
    </DialogForm>
  )
}
