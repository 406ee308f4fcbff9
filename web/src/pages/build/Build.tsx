export default function Build() {
  return null
}
