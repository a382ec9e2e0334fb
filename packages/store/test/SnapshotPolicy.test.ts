/**
 * The times at which snapshots are taken; a slow or broken store does not affect commands.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as Decider from "@daybook/kernel/Decider"
import * as EventCodec from "@daybook/kernel/EventCodec"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
import { SnapshotStore, SnapshotStoreError } from "@daybook/store/SnapshotStore"
import * as SnapshotStoreMemory from "@daybook/store/SnapshotStoreMemory"
import { assert, describe, it, layer } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Ref from "effect/Ref"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { aggregate, deposit } from "./Account.ts"
import { balance, counters, fresh, measured, move, newest, snapshotting } from "./handlerHarness.ts"

/** Returns the same store with other methods. */
const changed = (change: (store: SnapshotStore["Service"]) => Partial<SnapshotStore["Service"]>) =>
  Layer.effect(
    SnapshotStore,
    Effect.map(SnapshotStore, (store) => SnapshotStore.of({ ...store, ...change(store) }))
  )

/** A handler that takes a snapshot after each event, on a snapshot store that is `store`. */
const eagerOn = <R>(store: Layer.Layer<SnapshotStore, never, R>, cachedStreams = 0) =>
  snapshotting(SnapshotPolicy.every(1), cachedStreams).pipe(Layer.provide(store))

/** Advances the test's clock until the fiber ends. */
const passTime = <A, E>(fiber: Fiber.Fiber<A, E>) =>
  Effect.raceFirst(Fiber.join(fiber), Effect.forever(TestClock.adjust("1 second")))

const taken = (outcome: string) =>
  Effect.map(counters, (counts) => counts.get(`daybook_snapshots_taken account ${outcome}`))

layer(Layer.merge(EventStoreMemory.layer, SnapshotStoreMemory.layer))("Taking snapshots", (it) => {
  it.effect("keeps no command waiting, and the closing of the handler for 5 seconds at most", () =>
    Effect.gen(function* () {
      const answered = yield* Deferred.make<void>()
      const hanging = changed(() => ({ save: () => Effect.never }))
      const host = Effect.gen(function* () {
        // At most one save per stream is under way, on 64 streams.
        for (let stream = 0; stream < 70; stream++) yield* move(yield* fresh, 1)
        const id = yield* fresh
        yield* move(id, 1, 1)
        assert.deepStrictEqual(yield* balance(id), [2, 2])
        assert.strictEqual(yield* taken("skipped"), 8)
        yield* Deferred.succeed(answered, undefined)
      }).pipe(Effect.provide(eagerOn(hanging)), Effect.orDie)
      const fiber = yield* Effect.forkChild(host)
      yield* Deferred.await(answered)
      const began = yield* Clock.currentTimeMillis
      yield* passTime(fiber)
      // The second in which it ends may pass before the test notices.
      assert.approximately((yield* Clock.currentTimeMillis) - began, 5_500, 500)
    }).pipe(measured)
  )

  it.effect("gives up one that hangs after half a minute, and takes the next", () =>
    Effect.gen(function* () {
      const [hanging, id] = [yield* fresh, yield* fresh]
      const ended = yield* Deferred.make<void>()
      const store = changed(({ save }) => ({
        save: (snapshot) =>
          snapshot.streamId === `account-${hanging}`
            ? Effect.ensuring(Effect.never, Deferred.succeed(ended, undefined))
            : save(snapshot)
      }))
      yield* Effect.gen(function* () {
        yield* move(hanging, 1)
        yield* passTime(yield* Effect.forkChild(Deferred.await(ended)))
        yield* move(id, 1)
      }).pipe(Effect.provide(eagerOn(store)), Effect.provide(Logger.layer([])))
      assert.strictEqual(yield* taken("failed"), 1)
      assert.strictEqual((yield* newest(id))?.revision, 1)
    }).pipe(measured)
  )

  it.effect("saves two at once, and all of them before the handler is closed", () =>
    Effect.gen(function* () {
      const underWay = yield* Ref.make(0)
      const most = yield* Ref.make(0)
      const slow = changed(({ save }) => ({
        save: (snapshot) =>
          Effect.gen(function* () {
            const now = yield* Ref.updateAndGet(underWay, (count) => count + 1)
            yield* Ref.update(most, (before) => Math.max(before, now))
            yield* Effect.yieldNow
            yield* save(snapshot)
            yield* Ref.update(underWay, (count) => count - 1)
          })
      }))
      const ids = yield* Effect.replicateEffect(fresh, 10)
      yield* Effect.forEach(ids, (id) => move(id, 1), { concurrency: "unbounded" }).pipe(
        Effect.provide(eagerOn(slow))
      )
      assert.strictEqual(yield* Ref.get(most), 2)
      const snapshots = yield* Effect.forEach(ids, newest)
      assert.isTrue(snapshots.every((snapshot) => snapshot?.revision === 1))
    }).pipe(measured)
  )

  it.effect("warns when old ones can't be deleted, and has saved the new one", () =>
    Effect.gen(function* () {
      const id = yield* fresh
      const messages: Array<unknown> = []
      const logger = Logger.make(({ message }) => messages.push(message))
      const error = new SnapshotStoreError({ operation: "prune", cause: "connection lost" })
      yield* move(id, 1).pipe(
        Effect.provide(eagerOn(changed(() => ({ prune: () => Effect.fail(error) })))),
        Effect.provide(Logger.layer([logger]))
      )
      assert.strictEqual((yield* newest(id))?.revision, 1)
      assert.strictEqual(yield* taken("saved"), 1)
      assert.isUndefined(yield* taken("failed"))
      assert.strictEqual(
        String(messages),
        `Old snapshots of account-${id} could not be deleted: connection lost`
      )
    }).pipe(measured)
  )

  it.effect("says and counts once which aggregate gets none, and why", () =>
    Effect.gen(function* () {
      const code = Schema.String.check(
        Schema.makeFilter((text: string) => text.startsWith("A-"), { expected: "a code" })
      )
      const Coded = Schema.TaggedUnion({ Coded: { code } })
      const coded = Aggregate.make({
        category: "coded",
        decider: Decider.make({
          initialState: 0,
          decide: (code: string) => Result.succeed([Coded.cases.Coded.make({ code })]),
          evolve: (length: number, event: typeof Coded.Type) => length + event.code.length
        }),
        codec: EventCodec.make({ name: "coded", events: Coded }),
        state: Schema.Int
      })
      const causes: Array<string> = []
      const logger = Logger.make(({ cause }) => causes.push(Cause.pretty(cause)))
      const id = yield* fresh
      yield* Effect.gen(function* () {
        const handler = yield* CommandHandler
        yield* handler.execute(coded, id, "A-1")
        const { state } = yield* handler.execute(coded, id, "A-1")
        assert.strictEqual(state, 6)
      }).pipe(
        Effect.provide(snapshotting(SnapshotPolicy.every(1))),
        Effect.provide(Logger.layer([logger]))
      )
      assert.strictEqual(causes.length, 1)
      assert.include(causes[0], "of Coded version 1 no value of code could be generated")
      assert.strictEqual((yield* counters).get("daybook_fingerprints_missing coded"), 1)
    }).pipe(measured)
  )

  const unreadable: ReadonlyArray<readonly [string, Effect.Effect<never>]> = [
    ["hangs", Effect.never],
    ["dies", Effect.die("no store")]
  ]
  for (const [what, load] of unreadable) {
    it.effect(`answers commands when reading one ${what}`, () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const times: Array<number> = []
        const now = Effect.map(Clock.currentTimeMillis, (millis) => times.push(millis))
        const store = changed(() => ({ load: () => Effect.andThen(now, load) }))
        const host = Effect.andThen(move(id, 1), now).pipe(
          Effect.provide(eagerOn(store)),
          Effect.provide(Logger.layer([]))
        )
        yield* passTime(yield* Effect.forkChild(host))
        const [began = 0, ended = Infinity] = times
        assert.isAtMost(ended - began, 6_000)
        const counts = yield* counters
        assert.strictEqual(counts.get("daybook_snapshots_ignored account unreadable"), 1)
        assert.strictEqual((yield* newest(id))?.revision, 1)
      }).pipe(measured)
    )
  }

  it.effect("stops reading one when its command is interrupted", () =>
    Effect.gen(function* () {
      const reading = yield* Deferred.make<void>()
      const hanging = changed(() => ({
        load: () => Effect.andThen(Deferred.succeed(reading, undefined), Effect.never)
      }))
      yield* Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(move("interrupted", 1))
        yield* Deferred.await(reading)
        yield* Fiber.interrupt(fiber)
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      }).pipe(Effect.provide(eagerOn(hanging)))
      assert.isUndefined((yield* counters).get("daybook_snapshots_ignored account unreadable"))
    }).pipe(measured)
  )

  it.effect("answers commands when a state throws while it is decoded", () =>
    Effect.gen(function* () {
      const Kept = Schema.Struct({ balance: Schema.Int }).check(
        Schema.makeFilter(({ balance: kept }) => {
          if (kept === 666) throw new Error("unlucky")
          return true
        })
      )
      const wary = Aggregate.make({ ...aggregate, state: Kept })
      const id = yield* fresh
      yield* Effect.gen(function* () {
        yield* (yield* CommandHandler).execute(wary, id, deposit(5))
      }).pipe(Effect.provide(snapshotting(SnapshotPolicy.every(1))))
      const saved = yield* newest(id)
      if (saved === undefined) return assert.fail("no snapshot was taken")
      const store = yield* SnapshotStore
      yield* store.save({ ...saved, state: { balance: 666 } })
      yield* Effect.gen(function* () {
        const { state } = yield* (yield* CommandHandler).execute(wary, id, deposit(1))
        assert.deepStrictEqual(state, { balance: 6 })
      }).pipe(Effect.provide(snapshotting(SnapshotPolicy.never)))
      const counts = yield* counters
      assert.strictEqual(counts.get("daybook_snapshots_ignored account undecodable"), 1)
    }).pipe(measured)
  )

  it.effect("runs outside of the command's own trace", () =>
    Effect.gen(function* () {
      const id = yield* fresh
      const parents = yield* Ref.make<ReadonlyArray<string>>([])
      const store = changed(({ save }) => ({
        save: (snapshot) =>
          Effect.flatMap(Effect.option(Effect.currentParentSpan), (span) =>
            Ref.update(parents, (all) => [...all, span._tag])
          ).pipe(Effect.andThen(save(snapshot)))
      }))
      yield* Effect.gen(function* () {
        const context = yield* Layer.build(eagerOn(store))
        yield* move(id, 1).pipe(Effect.provide(context), Effect.withSpan("caller"))
      }).pipe(Effect.scoped)
      assert.deepStrictEqual(yield* Ref.get(parents), ["None"])
    })
  )

  for (const cachedStreams of [0, 10]) {
    it.effect(`tries again after so many events when saving fails, ${cachedStreams} cached`, () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const lost = new SnapshotStoreError({ operation: "save", cause: "connection lost" })
        const tried: Array<number> = []
        const failing = changed(() => ({
          save: ({ revision }) =>
            Effect.andThen(
              Effect.sync(() => tried.push(revision)),
              Effect.fail(lost)
            )
        }))
        const host = snapshotting(SnapshotPolicy.every(10), cachedStreams)
        yield* Effect.gen(function* () {
          for (let n = 0; n < 100; n++) {
            yield* move(id, 1)
            // The save that was begun ends before the next command.
            yield* Effect.replicateEffect(Effect.yieldNow, 10)
          }
        }).pipe(Effect.provide(Layer.provide(host, failing)), Effect.provide(Logger.layer([])))
        assert.deepStrictEqual(tried, [10, 20, 30, 40, 50, 60, 70, 80, 90, 100])
        assert.strictEqual(yield* taken("failed"), 10)
      }).pipe(measured)
    )

    it.effect(
      `tells a policy of what was saved, and of what was tried, ${cachedStreams} cached`,
      () =>
        Effect.gen(function* () {
          const id = yield* fresh
          const seen: Array<readonly [number, number]> = []
          const policy = SnapshotPolicy.when(({ revision, snapshotRevision, triedRevision }) => {
            seen.push([snapshotRevision, triedRevision])
            return revision % 2 === 0
          })
          const lost = new SnapshotStoreError({ operation: "save", cause: "connection lost" })
          // The first save is lost.
          const store = changed(({ save }) => ({
            save: (snapshot) => (snapshot.revision === 2 ? Effect.fail(lost) : save(snapshot))
          }))
          yield* Effect.gen(function* () {
            for (let n = 0; n < 6; n++) {
              yield* move(id, 1)
              yield* Effect.replicateEffect(Effect.yieldNow, 10)
            }
          }).pipe(
            Effect.provide(Layer.provide(snapshotting(policy, cachedStreams), store)),
            Effect.provide(Logger.layer([]))
          )
          assert.deepStrictEqual(seen, [
            [0, 0],
            [0, 0],
            [0, 2],
            [0, 2],
            [4, 4],
            [4, 4]
          ])
        })
    )
  }
})

describe("SnapshotPolicy", () => {
  it("refuses distances and numbers of snapshots that are none", () => {
    for (const wrong of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => SnapshotPolicy.every(wrong), `events is ${wrong}, allowed is`)
      assert.throws(
        () => SnapshotPolicy.keeping(SnapshotPolicy.never, wrong),
        `snapshots is ${wrong}, allowed is`
      )
    }
    for (const wrong of [0, -1, 1.5, Number.NaN, Number.NEGATIVE_INFINITY]) {
      assert.throws(
        () => SnapshotPolicy.checking(SnapshotPolicy.never, wrong),
        `loads is ${wrong}, allowed is`
      )
    }
    assert.strictEqual(SnapshotPolicy.never.check, 1_000)
    assert.strictEqual(SnapshotPolicy.checking(SnapshotPolicy.every(1), Infinity).check, Infinity)
  })
})
