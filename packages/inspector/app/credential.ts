/** The token of the caller, for hosts that ask for one. It ends with the tab. */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Redacted from "effect/Redacted"
import * as Atom from "effect/reactivity/Atom"
import { registry } from "./atoms.ts"

const KEY = "daybook.token"

const kept = (): Redacted.Redacted | undefined => {
  try {
    const text = sessionStorage.getItem(KEY)
    return text === null ? undefined : Redacted.make(text)
  } catch {
    return undefined
  }
}

const token = Atom.keepAlive(Atom.make(kept()))

/** Whether the host asks for a credential: it was given none, or refused the one it was given. */
export const asked = Atom.keepAlive(Atom.make<"no" | "absent" | "refused">("no"))

/** Takes a token for all requests, those that wait for one first. */
export const setToken = (text: string): void => {
  try {
    sessionStorage.setItem(KEY, text)
  } catch {
    // Without storage the token lasts until the page is loaded again.
  }
  registry.set(asked, "no")
  registry.set(token, Redacted.make(text))
}

/** A request that the host refused because of its caller. */
class Refused extends Error {}

/** Waits until the viewer gives another token. */
const otherToken = Effect.callback<void>((resume) => {
  const stop = registry.subscribe(token, () => {
    stop()
    resume(Effect.void)
  })
  return Effect.sync(stop)
})

/** Sends the token. A request whose caller the host does not know waits for another token. */
export const withCredential = (client: HttpClient.HttpClient): HttpClient.HttpClient =>
  HttpClient.transform(client, (_, request) => {
    const send: Effect.Effect<
      HttpClientResponse,
      Effect.Error<ReturnType<typeof client.execute>>
    > = Effect.suspend(() => {
      const own = registry.get(token)
      return client
        .execute(own === undefined ? request : HttpClientRequest.bearerToken(request, own))
        .pipe(
          Effect.flatMap((response) => {
            if (response.status === 403) {
              return Effect.die(new Refused("The caller lacks the permission for this."))
            }
            if (response.status !== 401) return Effect.succeed(response)
            // Another request may have asked meanwhile, and have its answer.
            if (own !== registry.get(token)) return send
            registry.set(asked, own === undefined ? "absent" : "refused")
            return Effect.andThen(otherToken, send)
          })
        )
    })
    return send
  })
