import { Center, Loader } from '@mantine/core'
import { text } from '../text'

/** A page is on its way. */
export function Waiting() {
  return (
    <Center mih="50vh" role="status" aria-label={text.common.loading}>
      <Loader type="dots" />
    </Center>
  )
}
