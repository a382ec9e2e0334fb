/**
 * Handlers with snapshots and cached states, and stores that report the calls to them.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import { CachedStreams, CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
import { SnapshotStore } from "@daybook/store/SnapshotStore"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import { aggregate, deposit, withdraw } from "./Account.ts"

export const fresh = Effect.sync(() => SecureRandom.uuidV4Unsafe())

/**
 * A handler of its own, with snapshots by `policy`, which checks one in `check` loaded snapshots.
 */
export const snapshotting = (
  policy: SnapshotPolicy.SnapshotPolicy,
  cachedStreams = 0,
  check = Infinity
) =>
  Layer.fresh(CommandHandler.layerSnapshots(SnapshotPolicy.checking(policy, check))).pipe(
    Layer.provide(Layer.succeed(CachedStreams, cachedStreams))
  )

/** A handler of its own that caches the states of `streams` streams. */
export const caching = (streams: number) =>
  Layer.fresh(CommandHandler.layer).pipe(Layer.provide(Layer.succeed(CachedStreams, streams)))

/** Deposits money, or withdraws it when the amount is negative, one command after the other. */
export const move = Effect.fnUntraced(function* (id: string, ...amounts: ReadonlyArray<number>) {
  const handler = yield* CommandHandler
  for (const amount of amounts) {
    yield* handler.execute(aggregate, id, amount < 0 ? withdraw(-amount) : deposit(amount))
  }
})

export const balance = (id: string) =>
  Effect.gen(function* () {
    const { revision, state } = yield* (yield* CommandHandler).load(aggregate, id)
    return [Number(revision), state.balance]
  })

/** The newest snapshot of an account. */
export const newest = (id: string) =>
  Effect.gen(function* () {
    const store = yield* SnapshotStore
    const streamId = yield* Effect.fromResult(Aggregate.streamId(aggregate, id))
    return Option.getOrUndefined(yield* store.load(streamId))
  })

/** Reports each snapshot when it is saved and the old ones are deleted. */
export const telling = (taken: Queue.Queue<number>) =>
  Layer.effect(
    SnapshotStore,
    Effect.gen(function* () {
      const store = yield* SnapshotStore
      return SnapshotStore.of({
        ...store,
        prune: (snapshot, keep) =>
          Effect.tap(store.prune(snapshot, keep), () => Queue.offer(taken, snapshot.revision))
      })
    })
  )

/** Runs `between` before the first append: another clerk's work while this one decides. */
export const racedBy = (between: Effect.Effect<unknown, unknown>) =>
  Layer.effect(
    EventStore,
    Effect.gen(function* () {
      const store = yield* EventStore
      const raced = yield* Ref.make(false)
      return EventStore.of({
        ...store,
        append: (append) =>
          Effect.flatMap(Ref.getAndSet(raced, true), (already) =>
            already
              ? store.append(append)
              : Effect.andThen(Effect.orDie(between), store.append(append))
          )
      })
    })
  )

/** Records a handler's calls to the log. */
export const counting = (calls: Ref.Ref<ReadonlyArray<string>>) =>
  Layer.effect(
    EventStore,
    Effect.map(EventStore, (store) => {
      const called = (name: string) => Ref.update(calls, (all) => [...all, name])
      return EventStore.of({
        ...store,
        append: (append) => Effect.andThen(called("append"), store.append(append)),
        find: (ids) => Effect.andThen(called("find"), store.find(ids)),
        read: (streamId, options) =>
          Stream.unwrap(Effect.as(called("read"), store.read(streamId, options)))
      })
    })
  )

/** The counters of the code that ran inside, by name and attributes, in this order. */
export const counters = Effect.map(
  Metric.snapshot,
  (metrics) =>
    new Map(
      metrics.map(({ attributes = {}, id, state }) => [
        [id, ...Object.values(attributes)].join(" "),
        "count" in state ? Number(state.count) : 0
      ])
    )
)

/** Runs an effect with counters of its own: nothing that ran before or runs beside it counts. */
export const measured = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => Effect.provideService(effect, Metric.MetricRegistry, new Map()))
