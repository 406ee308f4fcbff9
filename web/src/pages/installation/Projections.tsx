export default function Projections() {
  return null
}
