import { ModelsOf } from './models/ModelsOf'

/** The org's providers and routes of models. */
export default function Models() {
  return <ModelsOf of="org" />
}
