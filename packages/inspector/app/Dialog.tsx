/** A modal dialog: the focus stays in it, and returns to where it came from. */
import type { ReactNode, RefObject } from "react"
import { useEffect, useRef } from "react"

const FOCUSABLE = "a[href], button:not(:disabled), input:not(:disabled), select, textarea"

/** Keeps Tab inside of a dialog: a browser would go on to its own controls after the last one. */
const trap = (event: React.KeyboardEvent<HTMLDialogElement>): void => {
  if (event.key !== "Tab") return
  const controls = [...event.currentTarget.querySelectorAll<HTMLElement>(FOCUSABLE)]
  const [first, last] = [controls[0], controls.at(-1)]
  const to = event.shiftKey ? last : first
  if (document.activeElement === (event.shiftKey ? first : last)) {
    event.preventDefault()
    to?.focus()
  }
}

/** Shows a dialog while it is mounted. `onEnd` is called when it is left, such as by Escape. */
export const Dialog = ({
  head,
  start,
  onEnd,
  children
}: {
  /** The id of the heading that names it. */
  readonly head: string
  /** The control that has the focus at first. */
  readonly start: RefObject<HTMLElement | null>
  readonly onEnd: () => void
  readonly children: ReactNode
}) => {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const before = document.activeElement
    dialog.current?.showModal()
    start.current?.focus()
    return () => {
      // The button that opened it may be gone with what it acted on.
      const to = before?.isConnected === true ? before : document.getElementById("main")
      if (to instanceof HTMLElement) to.focus({ preventScroll: true })
    }
  }, [start])
  return (
    <dialog
      ref={dialog}
      aria-labelledby={head}
      onKeyDown={trap}
      onCancel={(event) => {
        event.preventDefault()
        onEnd()
      }}
      onClose={onEnd}
    >
      {children}
    </dialog>
  )
}
