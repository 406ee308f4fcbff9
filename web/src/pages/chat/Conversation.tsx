export default function Conversation() {
  return null
}
