/**
 * The workloads, in the order of the report.
 */
import * as Effect from "effect/Effect"
import * as Baskets from "./Baskets.ts"
import type { Contender, Range } from "./Contender.ts"
import type { Drive } from "./Drive.ts"
import * as Live from "./Live.ts"

/** Work of one kind. */
export interface Workload {
  readonly name: string
  readonly concurrency: number
  /** The number of events that each act appends or loads. */
  readonly events: number
  /** Makes each commit {@link SlowCommit.MILLIS} longer. */
  readonly slow?: boolean
  /** Reports times instead of a rate. */
  readonly latency?: boolean
  /** The name of another workload, whose peers' figures this one is compared with. */
  readonly against?: string
  /** Prepares for all rounds; returns `undefined` when the contender does not offer the work. */
  readonly prepare: (contender: Contender) => Effect.Effect<Prepared | undefined>
}

/** The work of each round. */
export interface Prepared {
  readonly drive: Effect.Effect<Drive>
  /** The most times to act in a round. */
  readonly limit?: number
}

const append = (concurrency: number, events: number, slow = false): Workload => ({
  name: `append ${counted(events)}`,
  concurrency,
  events,
  slow,
  prepare: (contender) => Effect.succeed({ drive: Effect.sync(() => contender.append(events)) })
})

const hot: Workload = {
  name: "one hot stream",
  concurrency: 8,
  events: 1,
  prepare: ({ orders }) =>
    Effect.succeed(
      orders && {
        drive: Effect.suspend(() => {
          const id = Baskets.newId()
          return Effect.as(orders.make(id, 1), orders.hot(id))
        })
      }
    )
}

const load = (events: number): Workload => ({
  name: `load and fold ${counted(events)}`,
  concurrency: 1,
  events,
  prepare: ({ orders }) => {
    if (orders === undefined) return Effect.undefined
    const id = Baskets.newId()
    return Effect.as(orders.make(id, events), { drive: Effect.sync(() => orders.load(id)) })
  }
})

/** The number of orders; each gets one command a round, so that all contenders' have one length. */
export const ORDERS = 3_000

const execute = (
  name: string,
  { count, first }: Range,
  of: (contender: Contender) => ((orders: Range) => Drive) | undefined
): Workload => ({
  name: `${name} on 20 events`,
  concurrency: 64,
  events: 1,
  prepare: (contender) => {
    const { orders } = contender
    const drive = of(contender)
    if (orders === undefined || drive === undefined) return Effect.undefined
    return Effect.forEach(
      Array.from({ length: count }, (_, n) => Baskets.numbered(first + n)),
      (id) => orders.make(id, 20),
      { concurrency: 64, discard: true }
    ).pipe(Effect.as({ drive: Effect.sync(() => drive({ first, count })), limit: count }))
  }
})

const live: Workload = {
  name: `committed to seen, at ${Live.RATE.toLocaleString("en")} a second`,
  concurrency: 1,
  events: 1,
  latency: true,
  prepare: (contender) =>
    Effect.succeed(contender.live && { drive: Effect.succeed(Live.drive(contender.live)) })
}

const counted = (events: number): string =>
  events === 1 ? "1 event" : `${events.toLocaleString("en")} events`

const bulk: Workload = { ...append(4, 1_000), name: "bulk, 1,000 events a statement" }

const singles: ReadonlyArray<Workload> = [
  append(1, 1),
  append(16, 1),
  append(64, 1),
  append(256, 1)
]

const executing = (count: number): Workload =>
  execute("load, decide, append", { first: 0, count }, ({ orders }) => orders?.execute)

const executingCached = (count: number): Workload => ({
  ...execute("cached: decide, append", { first: count, count }, (one) => one.executeCached),
  against: executing(count).name
})

/** Returns the workloads on the server, with `orders` orders to execute on. */
export const onServer = (orders: number): ReadonlyArray<Workload> => [
  ...singles,
  append(64, 1, true),
  append(256, 1, true),
  append(64, 10),
  executing(orders),
  executingCached(orders),
  hot,
  load(10),
  load(100),
  load(1_000),
  load(10_000),
  live
]

/** The workloads of the limit on the server. */
export const ofBulk: ReadonlyArray<Workload> = [bulk]

/** The workloads in the process. */
export const inProcess: ReadonlyArray<Workload> = singles
