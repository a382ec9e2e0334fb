/** A screen whose script comes when it is shown. */
import type { ReactNode } from "react"
import { Component, Suspense } from "react"
import { Waiting } from "./Notices.tsx"

/**
 * Shows a screen, or says why it cannot be: a host of another version no longer has the script that
 * the page asks for.
 */
export class Screen extends Component<{ readonly children: ReactNode }> {
  override readonly state: { readonly problem?: string } = {}

  static getDerivedStateFromError(error: unknown): { readonly problem: string } {
    return { problem: error instanceof Error ? error.message : String(error) }
  }

  override render(): ReactNode {
    const { problem } = this.state
    return problem === undefined ? (
      <Suspense fallback={<Waiting what="the screen" />}>{this.props.children}</Suspense>
    ) : (
      <div className="call bad" role="alert">
        <strong>Cannot show this screen</strong>
        <p>{problem}</p>
        <button className="btn" type="button" onClick={() => location.reload()}>
          Load the page again
        </button>
      </div>
    )
  }
}
