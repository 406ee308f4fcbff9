import { useCallback, useEffect, useRef, useState } from 'react'

const near = 120 // px from the end, which still counts as being there

/** Keeps the page at its end while what is in the element grows, for who is at the end: nobody is moved from what he reads. */
export function useBottom() {
  const content = useRef<HTMLDivElement>(null)
  const stuck = useRef(true)
  const [away, setAway] = useState(false)
  const toEnd = useCallback(() => {
    stuck.current = true
    window.scrollTo({ top: document.documentElement.scrollHeight })
  }, [])
  useEffect(() => {
    const box = content.current
    if (!box) return
    const observer = new ResizeObserver(() => stuck.current && toEnd())
    observer.observe(box)
    const onScroll = () => {
      const { scrollHeight, clientHeight } = document.documentElement
      stuck.current = scrollHeight - window.scrollY - clientHeight < near
      setAway(!stuck.current)
    }
    window.addEventListener('scroll', onScroll, { passive: true })
    return () => {
      observer.disconnect()
      window.removeEventListener('scroll', onScroll)
    }
  }, [toEnd])
  return { content, away, toEnd }
}
