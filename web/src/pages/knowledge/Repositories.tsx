export default function Repositories() {
  return null
}
