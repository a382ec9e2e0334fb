/** The host's API as atoms, by its typed client. */
import { InspectorApi } from "@daybook/inspector/InspectorApi"
import * as DateTime from "effect/DateTime"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Atom from "effect/reactivity/Atom"
import * as AsyncResult from "effect/reactivity/AsyncResult"
import * as AtomHttpApi from "effect/reactivity/AtomHttpApi"
import * as Option from "effect/Option"
import { useEffect, useMemo, useRef, useState } from "react"
import { mount } from "./address.ts"
import { withCredential } from "./credential.ts"
import { registry, sayCause, sayMalformed, useAnswer, useAtom } from "./atoms.ts"

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

/** The host is asked for its head at this interval, in milliseconds. */
const LOOK = 5000

/** Asks the host for its head again while the page is seen, and as soon as it is seen again. */
export const useFreshHead = (isOn: boolean): void =>
  useEffect(() => {
    if (!isOn) return
    const look = (): void => {
      if (document.visibilityState === "visible") registry.refresh(about)
    }
    const timer = setInterval(look, LOOK)
    document.addEventListener("visibilitychange", look)
    return () => {
      clearInterval(timer)
      document.removeEventListener("visibilitychange", look)
    }
  }, [isOn])

/** Returns the time of the host in milliseconds, told by its last answer, at every so many of them. */
export const useHostNow = (everyMillis: number): number => {
  const answer = useAnswer(about)
  const ahead =
    answer.value === undefined || answer.at === undefined
      ? 0
      : millisOf(answer.value.now) - answer.at
  const [now, setNow] = useState(() => new Date().getTime())
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date().getTime()), everyMillis)
    return () => clearInterval(timer)
  }, [everyMillis])
  return now + ahead
}

/** The event types of the host. */
export const catalogue = Atom.keepAlive(Host.query("catalogue", "types", {}))

/** A list that is read in pages, each after the one before. */
export interface Pages<A> {
  readonly pages: ReadonlyArray<A>
  readonly hasMore: boolean
  readonly isWaiting: boolean
  readonly problem: string | undefined
  /** The problem if it is the question: a condition that is half typed. */
  readonly wrong: string | undefined
}

type Result<A> = AsyncResult.AsyncResult<A, unknown>

/**
 * Returns the first `count` pages of a list. Until the first page of another list is there, the
 * list before it stays, also where the host refuses the other one.
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
            const cause = AsyncResult.isFailure(result) ? result.cause : undefined
            return {
              pages,
              hasMore: true,
              isWaiting: cause === undefined,
              problem: cause === undefined ? undefined : sayCause(cause),
              wrong: cause === undefined ? undefined : sayMalformed(cause)
            }
          }
          pages.push(value.value)
        }
        const hasMore = read(pages.at(-1)) !== undefined
        return { pages, hasMore, isWaiting: false, problem: undefined, wrong: undefined }
      }),
    [read, count]
  )
  const now = useAtom(atom)
  const kept = useRef(now)
  const isAnswered = now.pages.length > 0 || (!now.isWaiting && now.problem === undefined)
  if (isAnswered) kept.current = now
  return isAnswered ? now : { ...now, pages: kept.current.pages }
}

/** The milliseconds since 1970 of a time of the host. */
export const millisOf = (time: DateTime.Utc): number => DateTime.toEpochMillis(time)

/** The time of the host of milliseconds since 1970. */
export const timeOf = (millis: number): DateTime.Utc => DateTime.makeUnsafe(millis)
