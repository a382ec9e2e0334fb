/**
 * A command handler with a snapshot that is right except for its state.
 */
import * as Revision from "@daybook/kernel/Revision"
import { CommandHandler } from "@daybook/store/CommandHandler"
import type { EventStore } from "@daybook/store/EventStore"
import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
import { type Snapshot, SnapshotStore } from "@daybook/store/SnapshotStore"
import * as SnapshotLaws from "@daybook/testing/laws/SnapshotLaws"
import { assert, describe, type Vitest } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import { SqlClient } from "effect/sql/SqlClient"
import { aggregate, Overdrawn, withdraw } from "./Account.ts"
import * as Hall from "./Hall.ts"
import { balance, counters, fresh, measured, move, newest, snapshotting } from "./handlerHarness.ts"

/** Overwrites the state of a snapshot, and nothing else. */
export type Falsify<R> = (
  snapshot: Snapshot,
  state: Snapshot["state"]
) => Effect.Effect<void, unknown, R>

/** Falsifies through the port, which is the only way of a store in memory. */
export const bySaving: Falsify<SnapshotStore> = (snapshot, state) =>
  Effect.flatMap(SnapshotStore, (store) => store.save({ ...snapshot, state }))

/** Falsifies by SQL, in the schema `daybook`. */
export const bySql: Falsify<SqlClient> = (snapshot, state) =>
  Effect.flatMap(
    SqlClient,
    (sql) => sql`UPDATE daybook.snapshots SET state = ${JSON.stringify(state)}::text::json
      WHERE stream_id = ${snapshot.streamId} AND revision = ${snapshot.revision}`
  )

const never = SnapshotPolicy.never
const every = snapshotting(never, 0, 1)

/** An account of five events that holds 31, with a snapshot at each of the last two. */
const snapshotted = Effect.gen(function* () {
  const id = yield* fresh
  yield* move(id, 1, 2, 4, 8).pipe(Effect.provide(snapshotting(SnapshotPolicy.every(4))))
  yield* move(id, 16).pipe(Effect.provide(snapshotting(SnapshotPolicy.every(1))))
  const snapshot = yield* newest(id)
  if (snapshot === undefined) return assert.fail("no snapshot was taken")
  assert.deepStrictEqual([Number(snapshot.revision), snapshot.state], [5, { balance: 31 }])
  return { id, snapshot }
})

const withdrawal = (id: string, amount: number) =>
  Effect.flatMap(CommandHandler, (accounts) => accounts.execute(aggregate, id, withdraw(amount)))

const checks = Effect.map(counters, (counts) => ({
  right: counts.get("daybook_snapshots_checked account right") ?? 0,
  false: counts.get("daybook_snapshots_checked account false") ?? 0
}))

/** Hides the warnings of handlers that find a false snapshot: they are expected. */
const quietly = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  measured(Effect.provide(effect, Logger.layer([])))

/** Draws these numbers in turn, and then the last one again and again. */
const drawing = (...numbers: ReadonlyArray<number>) => {
  let drawn = 0
  const next = () => numbers[Math.min(drawn++, numbers.length - 1)] ?? 0
  return {
    drawn: () => drawn,
    random: { nextIntUnsafe: () => Math.floor(next() * 2 ** 31), nextDoubleUnsafe: next }
  }
}

export const snapshotCheckCases = <R>(
  it: Vitest.MethodsNonLive<EventStore | SnapshotStore | R>,
  falsify: Falsify<R>,
  runs: number
): void => {
  it.layer(snapshotting(SnapshotPolicy.every(2), 1, 1))("With each known state checked", (on) => {
    for (const law of SnapshotLaws.laws(Hall.aggregate, Hall.HallCommand)) {
      on.effect(law.name, () => law.check({ runs }), 120_000)
    }
  })

  describe("S21: a snapshot of a false state", { timeout: 60_000 }, () => {
    it.effect("S21: decides where no load is checked, and the event stays", () =>
      Effect.gen(function* () {
        const { id, snapshot } = yield* snapshotted
        yield* falsify(snapshot, { balance: 5_000_000 })
        const { state } = yield* withdrawal(id, 1_000_000).pipe(Effect.provide(snapshotting(never)))
        assert.deepStrictEqual(state, { balance: 4_000_000 })
        // Six events by now; the last was decided on the false state.
        const store = yield* SnapshotStore
        yield* store.delete(snapshot.streamId)
        assert.deepStrictEqual(yield* balance(id).pipe(Effect.provide(every)), [6, -999_969])
      })
    )

    it.effect("S21: is found before anything is decided, counted, logged and deleted", () =>
      Effect.gen(function* () {
        const { id, snapshot } = yield* snapshotted
        yield* falsify(snapshot, { balance: 5_000_000 })
        const lines: Array<string> = []
        const logger = Logger.make(({ logLevel, message }) => {
          if (logLevel === "Warn") lines.push(String(message))
        })
        const refused = yield* Effect.flip(withdrawal(id, 1_000_000)).pipe(
          Effect.provide(every),
          Effect.provide(Logger.layer([logger]))
        )
        assert.deepStrictEqual(refused, new Overdrawn({ balance: 31, amount: 1_000_000 }))
        assert.deepStrictEqual(yield* checks, { right: 0, false: 1 })
        // The use by the handler that took the second snapshot.
        assert.strictEqual((yield* counters).get("daybook_snapshots_used account"), 1)
        // Without the state, which is data.
        assert.deepStrictEqual(lines, [
          `A stored state of ${snapshot.streamId} was false, and its snapshots are deleted: the events up to revision 5 give another state`
        ])
        // The older one too: the newer one may have been folded from it.
        assert.isUndefined(yield* newest(id))
        assert.deepStrictEqual(
          yield* balance(id).pipe(Effect.provide(snapshotting(never))),
          [5, 31]
        )
      }).pipe(measured)
    )

    it.effect("S21: is found though the state is the right one again after later events", () =>
      Effect.gen(function* () {
        const { id, snapshot } = yield* snapshotted
        yield* move(id, -31).pipe(Effect.provide(snapshotting(never)))
        yield* falsify(snapshot, { balance: 32 })
        assert.deepStrictEqual(yield* balance(id).pipe(Effect.provide(every)), [6, 0])
        assert.deepStrictEqual(yield* checks, { right: 0, false: 1 })
      }).pipe(quietly)
    )

    it.effect("S21: is found in a look at the past", () =>
      Effect.gen(function* () {
        const { id, snapshot } = yield* snapshotted
        yield* falsify(snapshot, { balance: 5_000_000 })
        yield* move(id, 1).pipe(Effect.provide(snapshotting(never)))
        const { state } = yield* Effect.flatMap(CommandHandler, (accounts) =>
          accounts.loadAt(aggregate, id, { revision: Revision.make(5) })
        ).pipe(Effect.provide(every))
        assert.deepStrictEqual(state, { balance: 31 })
        assert.deepStrictEqual(yield* checks, { right: 0, false: 1 })
      }).pipe(quietly)
    )

    it.effect("S21: is found in the cache of a handler that began with it", () =>
      Effect.gen(function* () {
        const { id, snapshot } = yield* snapshotted
        yield* falsify(snapshot, { balance: 5_000_000 })
        const { random } = drawing(0.9, 0.1)
        yield* Effect.gen(function* () {
          assert.deepStrictEqual(yield* balance(id), [5, 5_000_000])
          const refused = yield* Effect.flip(withdrawal(id, 1_000_000))
          assert.deepStrictEqual(refused, new Overdrawn({ balance: 31, amount: 1_000_000 }))
          assert.deepStrictEqual(yield* balance(id), [5, 31])
        }).pipe(
          Effect.provide(snapshotting(never, 10, 2)),
          Effect.provideService(Random.Random, random)
        )
        assert.deepStrictEqual(yield* checks, { right: 1, false: 1 })
        assert.isUndefined(yield* newest(id))
      }).pipe(quietly)
    )

    it.effect("is checked once in so many loads, by the caller's random numbers", () =>
      Effect.gen(function* () {
        const { id } = yield* snapshotted
        const { drawn, random } = drawing(0.25, 0.5, 0.249, 0, 0.999)
        yield* Effect.gen(function* () {
          for (const checked of [0, 0, 1, 2, 2]) {
            assert.deepStrictEqual(yield* balance(id), [5, 31])
            assert.deepStrictEqual(yield* checks, { right: checked, false: 0 })
          }
        }).pipe(
          Effect.provide(snapshotting(never, 0, 4)),
          Effect.provideService(Random.Random, random)
        )
        assert.strictEqual(drawn(), 5)
        assert.isDefined(yield* newest(id))
      }).pipe(measured)
    )
  })
}
