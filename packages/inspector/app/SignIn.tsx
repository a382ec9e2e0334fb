/** Asks for the token of the caller. */
import { useRef, useState } from "react"
import { setToken } from "./credential.ts"
import { Head } from "./Shell.tsx"

export const SignIn = ({ isRefused }: { readonly isRefused: boolean }) => {
  const [text, setText] = useState("")
  const field = useRef<HTMLInputElement>(null)
  const wrong = isRefused && text === ""
  return (
    <>
      <Head title="Who are you?">The host shows its log to callers whom it knows.</Head>
      <form
        className="sheet pad"
        onSubmit={(event) => {
          event.preventDefault()
          if (text.trim() === "") field.current?.focus()
          else setToken(text.trim())
        }}
      >
        <div className="field">
          <label htmlFor="token">Token</label>
          <input
            ref={field}
            className="in"
            id="token"
            type="password"
            autoComplete="off"
            required
            aria-invalid={wrong}
            aria-describedby={wrong ? "token-wrong" : undefined}
            value={text}
            onChange={({ target }) => setText(target.value)}
          />
          <p className="err" id="token-wrong" role="alert">
            {wrong ? "The host does not know this token." : null}
          </p>
        </div>
        <p className="pad q2">It is sent with every request, and forgotten when this tab closes.</p>
        <button className="btn go" type="submit">
          Open the log
        </button>
      </form>
    </>
  )
}
