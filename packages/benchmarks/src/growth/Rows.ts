/**
 * The work that must cost the same however long the log is.
 */
import { aggregate } from "@daybook/order/Order"
import * as Position from "@daybook/kernel/Position"
import * as StreamId from "@daybook/kernel/StreamId"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as Clock from "effect/Clock"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Live from "../Live.ts"
import type { Measure } from "../Measure.ts"
import * as Orders from "../Orders.ts"
import type { Sample } from "../Sample.ts"
import * as Fill from "./Fill.ts"
import type { Log } from "./Log.ts"

/** A kind of work on logs of several lengths. */
export interface Row extends Measure<Log> {
  /** The figure that must be flat: the median time of an act, or the events per second. */
  readonly figure: "time" | "rate"
}

/** Returns a row that repeats an act on places all over the log. */
const timed = (
  name: string,
  act: (log: Log, n: number) => Effect.Effect<unknown, unknown>
): Row => ({
  name,
  concurrency: 1,
  events: 1,
  figure: "time",
  begin: (log) => Effect.succeed({ act: (n) => Effect.orDie(act(log, n)) })
})

/** Returns one of `count` places, which differs from act to act and is the same in each run. */
const place = (n: number, count: number): number => (Math.imul(n + 1, 2_654_435_761) >>> 0) % count

const append = (concurrency: number): Row => ({
  name: "append 1 event",
  concurrency,
  events: 1,
  figure: concurrency === 1 ? "time" : "rate",
  begin: ({ store }) =>
    Effect.succeed({
      act: () =>
        Effect.suspend(() =>
          store.append({
            streamId: Orders.streamId(SecureRandom.uuidV4Unsafe()),
            expected: ExpectedRevision.noStream,
            events: Orders.history(1)
          })
        ).pipe(Effect.orDie)
    })
})

const groups = ({ events }: Log): number => events / Fill.GROUP

const loadShort = timed("load and fold 10 events", (log, n) => {
  const order = place(n, groups(log) * Fill.SHORT_ORDERS)
  const id = Fill.shortOrder(Math.floor(order / Fill.SHORT_ORDERS), order % Fill.SHORT_ORDERS)
  return log.handler.load(aggregate, id)
})

const loadLong = timed("load and fold 100 events", (log, n) => {
  const order = place(n, groups(log) * Fill.LONG_ORDERS)
  const id = Fill.longOrder(Math.floor(order / Fill.LONG_ORDERS), order % Fill.LONG_ORDERS)
  return log.handler.load(aggregate, id)
})

/** The events of a page: half of the smallest log has as many of the rare category. */
const PAGE = 100

/** Returns a position in the second quarter of the log. */
const inTheMiddle = ({ events }: Log, n: number): Position.Position => {
  const quarter = Fill.appends(events) / 4
  return Position.make(Fill.before(Math.floor(quarter) + place(n, Math.floor(quarter))))
}

const pageInTheMiddle = timed(`read a page of ${PAGE} in the middle`, (log, n) =>
  Stream.runDrain(log.store.readAll({ after: inTheMiddle(log, n), limit: PAGE }))
)

const pageAtTheEnd = timed(`read a page of ${PAGE} at the end`, ({ store }) =>
  Stream.runDrain(store.readAll({ direction: "backward", limit: PAGE }))
)

const categories = [StreamId.Category.make(Fill.RARE)]

const pageOfCategory = timed(`read a page of ${PAGE} of a category`, (log, n) =>
  Stream.runDrain(log.store.readAll({ after: inTheMiddle(log, n), categories, limit: PAGE }))
)

/** The most events of one catch-up. */
const WINDOW = 50_000

const catchUp: Row = {
  name: `catch up with ${WINDOW.toLocaleString("en")} events`,
  concurrency: 1,
  events: WINDOW,
  figure: "rate",
  begin: (log) => Effect.succeed({ sample: (seconds) => Effect.orDie(sampleCatchUp(log, seconds)) })
}

/** Subscribes from a place that leaves a window before the end, again and again. */
const sampleCatchUp = Effect.fnUntraced(function* ({ events, store }: Log, seconds: number) {
  const window = Math.min(WINDOW, events)
  const after = Position.make(Fill.before(Fill.appends(events - window)))
  const start = yield* Clock.currentTimeNanos
  let read = 0
  let micros = 0
  while (micros < seconds * 1e6) {
    yield* store.subscribe({ after }).pipe(Stream.take(window), Stream.runDrain)
    read += window
    micros = Number((yield* Clock.currentTimeNanos) - start) / 1e3
  }
  const sample: Sample = {
    perSecond: read / (micros / 1e6),
    p50Micros: micros / read,
    p99Micros: micros / read
  }
  return sample
})

const settled = timed("find the settled position", ({ store }) => store.head)

const SEEN_PER_SECOND = 200

const seen: Row = {
  name: `from appended to seen, ${SEEN_PER_SECOND} a second`,
  concurrency: 1,
  events: 1,
  figure: "time",
  begin: ({ name, store }, prefix) =>
    Effect.succeed({
      sample: (seconds) =>
        Effect.orDie(
          Live.sample({ name, writer: store, reader: store }, prefix, SEEN_PER_SECOND, seconds)
        )
    })
}

const positionAt = timed("find the position as of an instant", ({ events, store }, n) =>
  store.positionAt({ recordedAt: Fill.recordedAt(place(n, Fill.appends(events))) })
)

/** The streams of a page. */
const LISTED = 20

const streams = timed(`list ${LISTED} streams`, (log, n) =>
  Stream.runDrain(
    log.store.streams({
      after: Orders.streamId(Fill.longOrder(place(n, groups(log)), 0)),
      limit: LISTED
    })
  )
)

/** All rows, in the order of the report. */
export const all: ReadonlyArray<Row> = [
  append(1),
  append(64),
  loadShort,
  loadLong,
  pageInTheMiddle,
  pageAtTheEnd,
  pageOfCategory,
  catchUp,
  settled,
  seen,
  positionAt,
  streams
]
