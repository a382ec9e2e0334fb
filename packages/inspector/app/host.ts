/** The host's API as atoms, by its typed client. */
import { InspectorApi } from "@daybook/inspector/InspectorApi"
import * as DateTime from "effect/DateTime"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Atom from "effect/reactivity/Atom"
import * as AsyncResult from "effect/reactivity/AsyncResult"
import * as AtomHttpApi from "effect/reactivity/AtomHttpApi"
import * as Option from "effect/Option"
import { useMemo, useRef } from "react"
import { mount } from "./address.ts"
import { withCredential } from "./credential.ts"
import { registry, sayCause, useAtom } from "./atoms.ts"

/** The API of the host that serves the page. */
export class Host extends AtomHttpApi.Service<Host>()("Host", {
  api: InspectorApi,
  httpClient: FetchHttpClient.layer,
  transformClient: withCredential,
  baseUrl: new URL(mount, location.origin).href.replace(/\/$/, "")
}) {}

/** True once the viewer asked for withheld values: the host records it with their name. */
const isShown = Atom.keepAlive(Atom.make(false))

/** Asks for withheld values from now on. */
export const showValues = (): void => registry.set(isShown, true)

/** Returns the part of a query that asks for withheld values. */
export const useShow = (): { readonly show?: true } =>
  useAtom(isShown) ? { show: true } : emptyShow

const emptyShow = {}

/** The host, and what its caller may do. */
export const about = Atom.keepAlive(Host.query("about", "about", {}))

/** The event types of the host. */
export const catalogue = Atom.keepAlive(Host.query("catalogue", "types", {}))

/** A list that is read in pages, each after the one before. */
export interface Pages<A> {
  readonly pages: ReadonlyArray<A>
  readonly hasMore: boolean
  readonly isWaiting: boolean
  readonly problem: string | undefined
}

type Result<A> = AsyncResult.AsyncResult<A, unknown>

/**
 * Returns the first `count` pages of a list. Until the first page of another list is there, the
 * list before it stays.
 *
 * `read` returns the atom of a page after another; it must be memoised.
 */
export const usePages = <A>(
  read: (before: A | undefined) => Atom.Atom<Result<A>> | undefined,
  count: number
): Pages<A> => {
  const atom = useMemo(
    () =>
      Atom.make((get): Pages<A> => {
        const pages: Array<A> = []
        while (pages.length < count) {
          const next = read(pages.at(-1))
          if (next === undefined) break
          const result = get(next)
          const value = AsyncResult.value(result)
          if (Option.isNone(value)) {
            return {
              pages,
              hasMore: true,
              isWaiting: !AsyncResult.isFailure(result),
              problem: AsyncResult.isFailure(result) ? sayCause(result.cause) : undefined
            }
          }
          pages.push(value.value)
        }
        const hasMore = read(pages.at(-1)) !== undefined
        return { pages, hasMore, isWaiting: false, problem: undefined }
      }),
    [read, count]
  )
  const now = useAtom(atom)
  const kept = useRef(now)
  if (now.pages.length > 0 || !now.isWaiting) kept.current = now
  return now.pages.length === 0 && now.isWaiting
    ? { ...kept.current, isWaiting: true, problem: undefined }
    : now
}

/** The milliseconds since 1970 of a time of the host. */
export const millisOf = (time: DateTime.Utc): number => DateTime.toEpochMillis(time)

/** The time of the host of milliseconds since 1970. */
export const timeOf = (millis: number): DateTime.Utc => DateTime.makeUnsafe(millis)
