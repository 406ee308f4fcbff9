export default function Orgs() {
  return null
}
