import { AuditOf } from '../org/audit/AuditOf'
import { text } from '../../text'

/** What was done that concerns the whole installation. */
export default function Audit() {
  return <AuditOf of="installation" title={text.installation.audit.title} />
}
