export default function Backups() {
  return null
}
