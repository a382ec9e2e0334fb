/**
 * Wraps the log of a host with a connection that loses calls.
 */
import type { StreamId } from "@daybook/kernel/StreamId"
import type { CheckpointMismatch } from "@daybook/store/Checkpoint"
import { EventStore, EventStoreError, type ReadError } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import type { SubscriptionPage } from "@daybook/store/Subscription"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { smaller } from "../frailStores.ts"
import type { Connection } from "./connection.ts"
import { LOST } from "./lost.ts"
import type { Dice } from "./dice.ts"
import type { Plan } from "./plan.ts"

type Events = EventStore["Service"]

/** Builds the wrapped log. `pageSize`: the number of events that arrive at a time. */
export const make = (
  events: Events,
  { call, change, plan, repeated }: Connection,
  pageSize: number
): Events => {
  const lost = (operation: string) =>
    Effect.suspend(() => Effect.fail(new EventStoreError({ operation, cause: LOST })))

  /**
   * Wraps an append. One with inline rows is part of a transaction, whose lateness `faultyRows`
   * decides for the whole.
   */
  const append = <A, E>(
    operation: string,
    effect: Effect.Effect<A, E | EventStoreError>
  ): Effect.Effect<A, E | EventStoreError> =>
    Effect.flatMap(EventStoreMemory.BeforeCommit, (inside) =>
      change(
        {
          unsent: "append-unsent",
          unacknowledged: "append-unacknowledged",
          late: inside === undefined ? "append-late" : undefined
        },
        inside === undefined ? repeated(effect) : effect,
        lost(operation)
      )
    )

  /** Wraps a read that may end early, after any of its first events. */
  const reading = <A>(operation: string, stream: Stream.Stream<A, ReadError>) =>
    Stream.unwrap(
      Effect.map(call(Effect.void), () => {
        const fails = plan.occasion("read-fails")
        const paged = Stream.rechunk(stream, pageSize)
        return fails === undefined
          ? paged
          : Stream.concat(
              Stream.take(paged, fails.dice.below(4)),
              Stream.fromEffect(lost(operation))
            )
      })
    )

  const asked = <A, E>(operation: string, effect: Effect.Effect<A, E>) =>
    Effect.suspend((): Effect.Effect<A, E | EventStoreError> =>
      plan.occasion("read-fails") === undefined ? call(effect) : lost(operation)
    )

  /** Wraps a subscription that may end before or after any element. */
  const dropping = <A>(stream: Stream.Stream<A, ReadError | CheckpointMismatch>) =>
    Stream.flatMap(stream, (element) => {
      const drops = plan.occasion("subscription-drops")
      if (drops === undefined) return Stream.succeed(element)
      const end = Stream.fromEffect(lost("subscribe"))
      return drops.dice.chance(0.5) ? end : Stream.concat(Stream.succeed(element), end)
    })

  return EventStore.of({
    append: (one) => append("append", events.append(one)),
    appendAll: (all) => append("appendAll", events.appendAll(all)),
    read: (streamId, options) => reading("read", events.read(streamId, options)),
    readAll: (options) => reading("readAll", events.readAll(options)),
    subscribe: (options) => dropping(events.subscribe(options)),
    subscribePages: (options) =>
      dropping(
        Stream.flatMap(events.subscribePages(options), (page) =>
          Stream.fromIterable(smaller(page, pageSize).flatMap(again))
        )
      ),
    head: asked("head", events.head),
    positionAt: (at) => asked("positionAt", events.positionAt(at)),
    streams: (options) => reading("streams", events.streams(options)),
    stream: (streamId) => asked("stream", events.stream(streamId)),
    backlog: (options) => asked("backlog", events.backlog(options)),
    find: (ids) => asked("find", events.find(ids)),
    identity: asked("identity", events.identity),
    checkpoint: asked("checkpoint", events.checkpoint),
    verify: (given) => asked("verify", events.verify(given)),
    inTransaction: events.inTransaction
  })

  /**
   * Delivers a page again at times: a runner that stores rows by pages must recognise events that
   * it has folded.
   */
  function again(page: SubscriptionPage): ReadonlyArray<SubscriptionPage> {
    return plan.occasion("page-redelivered") === undefined ? [page] : [page, page]
  }
}

/**
 * Wraps the log of a host that is outrun: others execute commands on its streams before an append.
 */
export const outrunning = (
  events: Events,
  plan: Plan,
  outrun: (streamId: StreamId, dice: Dice) => Effect.Effect<void>
): Events => {
  const before = (streamIds: ReadonlyArray<StreamId>) =>
    Effect.suspend(() => {
      const rivals = plan.occasion("append-outrun")
      return rivals === undefined
        ? Effect.void
        : Effect.forEach(streamIds, (streamId) => outrun(streamId, rivals.dice), { discard: true })
    })
  return EventStore.of({
    ...events,
    append: (one) => Effect.andThen(before([one.streamId]), events.append(one)),
    appendAll: (all) =>
      Effect.andThen(before(all.appends.map(({ streamId }) => streamId)), events.appendAll(all))
  })
}
