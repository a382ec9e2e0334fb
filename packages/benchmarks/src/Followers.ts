/**
 * The cost of an append that many subscriptions of one host follow, and its delays.
 */
import * as StreamId from "@daybook/kernel/StreamId"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import type { SubscribeOptions } from "@daybook/store/Subscription"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import * as Orders from "./Orders.ts"
import * as Sample from "./Sample.ts"

/** The name by which `--only` finds the measure. */
export const name = "followers: an append that subscriptions follow"

/** The appends a second, at an even rate. */
const PER_SECOND = 50

/** The numbers of subscriptions. */
const FOLLOWERS = [1, 20, 200]

/** The cost and the delays of an append. */
export interface Measured {
  readonly followers: number
  /** The statements for each append, the append's own included. */
  readonly statements: number
  readonly appendP50Micros: number
  /** From the beginning of an append until the last subscription has its event. */
  readonly seenP50Micros: number
  /** The processor time of the host for each append. */
  readonly hostMicros: number
  /** The time that the server executes statements for each append. */
  readonly serverMicros: number
}

/** Filters that all match the appended events. */
const filters: ReadonlyArray<SubscribeOptions> = [
  {},
  { categories: [StreamId.category(Orders.streamId("any"))] },
  { types: Orders.history(1).map(({ type }) => type) }
]

/** Measures each number of subscriptions, on a database of its own. */
export const measure = (seconds: number) =>
  Effect.forEach(FOLLOWERS, (followers) =>
    measureOne(followers, seconds).pipe(
      Effect.provide(
        Layer.fresh(
          EventStorePostgres.layer.pipe(
            Layer.provide(PostgresMigrations.layer),
            Layer.provideMerge(PostgresServer.layerClient({ maxConnections: 10 }))
          )
        )
      )
    )
  ).pipe(Effect.provide(PostgresServer.PostgresServer.layerCounting))

const measureOne = Effect.fnUntraced(function* (followers: number, seconds: number) {
  const store = yield* EventStore
  const sql = yield* SqlClient
  const begun = new Map<string, bigint>()
  const left = new Map<string, number>()
  const appendNanos: Array<bigint> = []
  const seenNanos: Array<bigint> = []
  const allSeen = Latch.makeUnsafe()

  const see = ({ streamId }: { readonly streamId: string }) =>
    Effect.map(Clock.currentTimeNanos, (now) => {
      const others = (left.get(streamId) ?? 1) - 1
      left.set(streamId, others)
      if (others > 0) return
      left.delete(streamId)
      seenNanos.push(now - (begun.get(streamId) ?? now))
      if (left.size === 0) allSeen.openUnsafe()
    })
  const append = (id: string) =>
    Effect.gen(function* () {
      const streamId = Orders.streamId(id)
      const start = yield* Clock.currentTimeNanos
      begun.set(streamId, start)
      left.set(streamId, followers)
      allSeen.closeUnsafe()
      yield* store.append({
        streamId,
        expected: ExpectedRevision.noStream,
        events: Orders.history(1)
      })
      appendNanos.push((yield* Clock.currentTimeNanos) - start)
    })
  const appendAll = Effect.fnUntraced(function* (prefix: string, count: number) {
    const appends = yield* FiberSet.make()
    for (let n = 0; n < count; n++) {
      yield* FiberSet.run(appends, append(`${prefix}-${n}`))
      yield* Effect.sleep(1_000 / PER_SECOND)
    }
    yield* FiberSet.awaitEmpty(appends)
    yield* allSeen.await
  }, Effect.scoped)

  const after = yield* store.head
  for (let n = 0; n < followers; n++) {
    yield* store
      .subscribe({ ...filters[n % filters.length], after })
      .pipe(Stream.runForEach(see), Effect.forkScoped)
  }
  yield* appendAll(`warm-up-${followers}`, 50)
  appendNanos.length = seenNanos.length = 0
  const cpu = process.cpuUsage()
  const count = Math.ceil(seconds * PER_SECOND)
  const [, statements] = yield* PostgresServer.counted(sql, appendAll(`all-${followers}`, count))
  const { system, user } = process.cpuUsage(cpu)
  const measured: Measured = {
    followers,
    statements: statements.count / count,
    appendP50Micros: Sample.summary(appendNanos, 1n).p50Micros,
    seenP50Micros: Sample.summary(seenNanos, 1n).p50Micros,
    hostMicros: (system + user) / count,
    serverMicros: (statements.millis * 1_000) / count
  }
  return measured
}, Effect.scoped)

/** Writes a line of the report. */
export const line = (measured: Measured): string => {
  const { appendP50Micros, followers, hostMicros, seenP50Micros, serverMicros, statements } =
    measured
  const millis = (micros: number) => (micros / 1_000).toFixed(2)
  return [
    `followers: ${followers}, ${PER_SECOND} appends a second`,
    `${statements.toFixed(1)} statements an append`,
    `append p50 ${millis(appendP50Micros)} ms`,
    `seen p50 ${millis(seenP50Micros)} ms`,
    `host ${millis(hostMicros)} ms`,
    `server ${millis(serverMicros)} ms`
  ].join(", ")
}
