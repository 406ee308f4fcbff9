import { Button, Group, Modal, NumberInput, Stack, Textarea } from '@mantine/core'
import { useState } from 'react'
import { useSend } from '../../../api/hooks'
import { text } from '../../../text'
import { ProblemNote } from '../../../ui/ProblemNote'
import { done } from '../../../ui/told'

const most = 1500 // bytes of a fact

export function AddFact({ opened, close }: { opened: boolean; close: () => void }) {
  const t = text.knowledge.memory.facts
  const [fact, setFact] = useState('')
  const [days, setDays] = useState<number | string>('')
  const send = useSend('post', '/v1/memories', ['/v1/memories'])
  const size = new TextEncoder().encode(fact.trim()).length
  const leave = () => {
    send.reset()
    close()
  }
  return (
    <Modal opened={opened} onClose={leave} title={t.add} closeButtonProps={{ 'aria-label': text.common.close }}>
      <form
        onSubmit={(e) => {
          e.preventDefault()
          send.mutate(
            { body: { text: fact.trim(), ...(days !== '' && { days: Number(days) }) } },
            {
              onSuccess: () => {
                done(t.added)
                setFact('')
                setDays('')
                leave()
              },
            },
          )
        }}
      >
        <Stack>
          <Textarea label={t.text} description={t.textHint(size)} error={size > most} required autosize minRows={3} maxRows={12} value={fact} onChange={(e) => setFact(e.currentTarget.value)} data-autofocus />
          <NumberInput label={t.days} description={t.daysHint} min={1} max={3650} allowDecimal={false} value={days} onChange={setDays} />
          {send.error && <ProblemNote error={send.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={leave}>
              {text.common.cancel}
            </Button>
            <Button type="submit" loading={send.isPending} disabled={size === 0 || size > most}>
              {text.common.add}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
