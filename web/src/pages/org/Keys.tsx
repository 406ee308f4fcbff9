export default function Keys() {
  return null
}
