/** Asks for the token of the caller. */
import { useState } from "react"
import { registry } from "./atoms.ts"
import { setToken } from "./credential.ts"
import { about } from "./host.ts"
import { Head } from "./Shell.tsx"

export const SignIn = () => {
  const [text, setText] = useState("")
  return (
    <>
      <Head title="Who are you?">The host shows its log to callers whom it knows.</Head>
      <form
        className="sheet pad"
        onSubmit={(event) => {
          event.preventDefault()
          if (text.trim() === "") return
          setToken(text.trim())
          registry.refresh(about)
        }}
      >
        <div className="field">
          <label htmlFor="token">Token</label>
          <input
            className="in"
            id="token"
            type="password"
            autoComplete="off"
            value={text}
            onChange={({ target }) => setText(target.value)}
          />
        </div>
        <p className="pad q2">It is sent with every request, and forgotten when this tab closes.</p>
        <button className="btn go" type="submit">
          Open the log
        </button>
      </form>
    </>
  )
}
