import { ModelsOf } from '../org/models/ModelsOf'
import { text } from '../../text'

/** Providers and routes that every org may use. */
export default function Models() {
  return <ModelsOf of="installation" title={text.installation.models.title} />
}
