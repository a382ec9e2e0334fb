/** The live log: its first page and the events that settle after it, joined without a gap. */
import type { EventLine } from "@daybook/inspector/Answer"
import type { LiveEvent } from "@daybook/inspector/InspectorApi"
import type * as Position from "@daybook/kernel/Position"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Atom from "effect/reactivity/Atom"
import { registry, sayCause } from "./atoms.ts"
import { Host } from "./host.ts"
import type { LogFilter } from "./logFilter.ts"
import { queryOf } from "./logFilter.ts"
import * as LogWindow from "./logWindow.ts"

/** The events of the first page. */
const PAGE = 100
const RECONNECT = Duration.seconds(2)
/** A burst is shown in steps of this time, so that the page is not drawn at each event. */
const STEP = Duration.millis(30)
const MAX_STEP = 500

interface Lost {
  readonly event: "lost"
  readonly problem?: string
}

/** What the stream of the host says: an event, a beat, or its end. */
type Said = LiveEvent | Lost

/** A view of the log. */
export interface LiveLog {
  /** Tells this view from the others. */
  readonly id: number
  readonly window: Atom.Writable<LogWindow.LogWindow>
  /** Reads the first page and follows the log while it is mounted. */
  readonly feed: Atom.Atom<unknown>
  /** Reads the events that were not held; it is mounted with the feed. */
  readonly refill: Atom.Atom<unknown>
  readonly pause: () => void
  /** Shows the events that are held; follows again if those are all that came. */
  readonly show: () => void
}

const isRecorded = (said: Said): said is Extract<LiveEvent, { readonly event: "recorded" }> =>
  said.event === "recorded"

let opened = 0

/** Opens a view of the newest part of the log, or of the part below a position, which stands. */
export const open = (
  filter: LogFilter,
  below: Position.Position | undefined,
  options: { readonly data?: true; readonly show?: true }
): LiveLog => {
  opened += 1
  const window = Atom.make({ ...LogWindow.nothing, isPaused: below !== undefined })
  const query = { ...queryOf(filter), ...options }
  const update = (change: (now: LogWindow.LogWindow) => LogWindow.LogWindow): void =>
    registry.update(window, change)

  const live = (after: string) =>
    Stream.unwrap(
      Effect.gen(function* () {
        const { log } = yield* Host
        return yield* log.live({ query: { ...query, after }, headers: {} })
      })
    )

  // The place after the last event: the next connection goes on there.
  let place = "head"
  const following = Stream.suspend(() => live(place)).pipe(
    Stream.tap((said) =>
      Effect.sync(() => {
        place = said.id
      })
    ),
    Stream.map((said): Said => said),
    Stream.concat(Stream.succeed<Said>({ event: "lost" })),
    Stream.catchCause((cause) => Stream.succeed<Said>({ event: "lost", problem: sayCause(cause) })),
    Stream.repeat(Schedule.spaced(RECONNECT))
  )

  /** Reads the first page; the stream has begun, so that no event lies between them. */
  const begin = Effect.gen(function* () {
    const { log } = yield* Host
    const exit = yield* Effect.exit(
      log.page({ query: { ...query, ...(below === undefined ? {} : { below }), limit: PAGE } })
    )
    if (Exit.isFailure(exit)) {
      update((now) => ({ ...now, problem: sayCause(exit.cause) }))
      return false
    }
    update((now) => LogWindow.begun(now, exit.value))
    // Without a first beat the next connection goes on after the page.
    if (place === "head") place = String(registry.get(window).stands)
    return true
  })

  const take = (said: ReadonlyArray<Said>): void =>
    update((now) => {
      const last = said.at(-1)
      const events = said.filter(isRecorded).map(({ data }) => data)
      const lost = last?.event === "lost" ? last : undefined
      return {
        ...LogWindow.received(now, events),
        isConnected: lost === undefined,
        problem: lost?.problem
      }
    })

  const begunOnce = Effect.gen(function* () {
    while (!registry.get(window).isRead) {
      if (!(yield* begin)) yield* Effect.sleep(RECONNECT)
    }
  })

  const feed = Host.runtime.atom(
    below === undefined
      ? following.pipe(
          Stream.groupedWithin(MAX_STEP, STEP),
          Stream.runForEach((said) =>
            Effect.andThen(
              begunOnce,
              Effect.sync(() => take(said))
            )
          )
        )
      : begunOnce
  )

  /** Reads the events after those that are shown again: more came than are held. */
  const refill = Host.runtime.fn((after: LogWindow.LogWindow["stands"]) => {
    const count = Math.min(LogWindow.MAX_HELD, registry.get(window).waiting)
    return live(String(after)).pipe(
      Stream.filter(isRecorded),
      Stream.map(({ data }): EventLine => data),
      Stream.take(count),
      Stream.runCollect,
      Effect.filterOrFail(
        (events) => events.length > 0,
        () => new Error("The host ended its answer before the first event")
      ),
      Effect.tapCause((cause) =>
        Effect.sync(() => update((now) => ({ ...now, problem: sayCause(cause) })))
      ),
      Effect.sandbox,
      Effect.retry(Schedule.spaced(RECONNECT)),
      Effect.map((events) => update((now) => LogWindow.refilled(now, after, events)))
    )
  })

  const show = (): void => {
    update(LogWindow.shown)
    const { stands, waiting } = registry.get(window)
    if (waiting === 0) return
    registry.set(refill, stands)
  }

  return { id: opened, window, feed, refill, pause: () => update(LogWindow.paused), show }
}
