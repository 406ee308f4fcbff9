export default function Task() {
  return null
}
