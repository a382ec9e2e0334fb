/** The token of the caller, for hosts that ask for one. It ends with the tab. */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Atom from "effect/reactivity/Atom"
import { registry } from "./atoms.ts"

const KEY = "daybook.token"

const kept = (): string | undefined => {
  try {
    return sessionStorage.getItem(KEY) ?? undefined
  } catch {
    return undefined
  }
}

const token = Atom.keepAlive(Atom.make<string | undefined>(kept()))

/** True if the host asked for a credential, or refused the one that it was given. */
export const isAskedFor = Atom.keepAlive(Atom.make(false))

/** Takes a token for all further requests. */
export const setToken = (text: string): void => {
  registry.set(token, text)
  registry.set(isAskedFor, false)
  try {
    sessionStorage.setItem(KEY, text)
  } catch {
    // Without storage the token lasts until the page is loaded again.
  }
}

/** A request that the host refused because of its caller. */
class Refused extends Error {}

/** Sends the token, and notes when the host does not know the caller. */
export const withCredential = (client: HttpClient.HttpClient): HttpClient.HttpClient =>
  client.pipe(
    HttpClient.mapRequest((request) => {
      const own = registry.get(token)
      return own === undefined ? request : HttpClientRequest.bearerToken(request, own)
    }),
    HttpClient.tap(({ status }) => {
      if (status === 401) {
        registry.set(isAskedFor, true)
        return Effect.die(new Refused("The host does not know this caller."))
      }
      return status === 403
        ? Effect.die(new Refused("The caller lacks the permission for this."))
        : Effect.void
    })
  )
