import { AuditOf } from './audit/AuditOf'

/** The org's audit log. */
export default function Audit() {
  return <AuditOf of="org" />
}
