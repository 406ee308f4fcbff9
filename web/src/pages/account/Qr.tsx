import { encode } from 'uqr'

/** A text as a QR code, dark on light in either theme, as cameras want it. */
export function Qr({ value, label }: { value: string; label: string }) {
  const { size, data } = encode(value, { border: 3 })
  const path = data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ''))).join('')
  return (
    <svg viewBox={`0 0 ${size} ${size}`} width={208} height={208} role="img" aria-label={label} shapeRendering="crispEdges" style={{ display: 'block', margin: '0 auto', borderRadius: 8 }}>
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  )
}
