export default function DeadLetters() {
  return null
}
