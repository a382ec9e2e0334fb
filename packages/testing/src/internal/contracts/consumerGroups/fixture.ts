/**
 * The groups, hosts and events that the cases of the consumer groups suite use.
 *
 * Every case has its own categories and groups, so the log may hold others and receive more.
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Category } from "@daybook/kernel/StreamId"
import type { ConsumerGroup } from "@daybook/reactors/ConsumerGroup"
import { type Assignment, ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import type { EventStore } from "@daybook/store/EventStore"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Contract from "../cases.ts"
import { fill, freshCategory, newEvents, streamOf } from "../eventStore/fixture.ts"

export type Cases = Contract.Cases<ConsumerGroups | EventStore | Scope.Scope>

export const freshGroup = (
  category: Category,
  from: ConsumerGroup["from"] = "beginning"
): ConsumerGroup => ({
  name: `suite_${SecureRandom.uuidV4Unsafe().slice(0, 8)}`,
  from,
  categories: [category]
})

export { freshCategory }

/** Appends `count` events to each of the streams `k0`, `k1` and so on, one of each in turn. */
export const fillKeys = Effect.fnUntraced(function* (
  category: Category,
  keys: number,
  count: number
) {
  for (let round = 0; round < count; round++) {
    for (let key = 0; key < keys; key++) {
      yield* fill(streamOf(category, `k${key}`), newEvents(1))
    }
  }
})

/** An event that a host was handed. */
export interface Handed {
  readonly host: string
  readonly event: RecordedEvent
}

export interface Host {
  readonly handed: Queue.Queue<Handed>
  /** The assignments that began, in their order. */
  readonly assignments: Queue.Queue<Assignment>
}

export const hostQueues: Effect.Effect<Host> = Effect.gen(function* () {
  return {
    handed: yield* Queue.unbounded<Handed>(),
    assignments: yield* Queue.unbounded<Assignment>()
  }
})

/** Runs a host that commits every page after it was handed out, until the scope closes. */
export const host = Effect.fnUntraced(function* (
  group: ConsumerGroup,
  name: string,
  { assignments, handed }: Host
) {
  const groups = yield* ConsumerGroups
  return yield* Effect.forkScoped(
    groups.run(group, (assignment) =>
      Effect.andThen(
        Queue.offer(assignments, assignment),
        Stream.runForEach(assignment.pages, ({ checkpoint, events }) =>
          Effect.andThen(
            Effect.forEach(events, (event) => Queue.offer(handed, { host: name, event }), {
              discard: true
            }),
            assignment.commit(checkpoint)
          )
        )
      )
    )
  )
})

/** Waits for the next `count` events. */
export const take = ({ handed }: Host, count: number): Effect.Effect<ReadonlyArray<Handed>> =>
  Effect.replicateEffect(Queue.take(handed), count)

/** Returns the revisions of the events by stream, in the order in which they were handed out. */
export const byStream = (all: ReadonlyArray<Handed>): Record<string, ReadonlyArray<number>> => {
  const found: Record<string, Array<number>> = {}
  for (const { event } of all) (found[event.streamId] ??= []).push(event.revision)
  return found
}
