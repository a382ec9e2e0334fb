/**
 * Twins of the machinery of orders, each with a common mistake.
 */
import * as Position from "@daybook/kernel/Position"
import { aggregate } from "@daybook/order/Order"
import type { Line } from "@daybook/order/OrderState"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import type { StoredRow } from "@daybook/projections/driver/StoredRow"
import * as Checkpoint from "@daybook/store/Checkpoint"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as SnapshotStoreMemory from "@daybook/store/SnapshotStoreMemory"
import * as Simulation from "@daybook/testing/simulation/Simulation"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import { restock } from "./restock.ts"

/** Repeats a command without its id when the store fails. */
export const forgetfulHandler = Layer.effect(
  CommandHandler,
  Effect.map(CommandHandler, (handler) =>
    CommandHandler.of({
      ...handler,
      executeAll: (aggregate, id, requests) =>
        handler.executeAll(aggregate, id, requests).pipe(
          Effect.catchTag("EventStoreError", () =>
            handler.executeAll(
              aggregate,
              id,
              requests.map(({ command, occurredAt }) => ({ command, occurredAt }))
            )
          )
        )
    })
  )
).pipe(Layer.provide(CommandHandler.layer))

/** Executes commands together one after the other, up to the first that is rejected. */
export const separateHandler = Layer.effect(
  CommandHandler,
  Effect.map(CommandHandler, (handler) =>
    CommandHandler.of({
      ...handler,
      // The answers have the types of the calls.
      executeTogether: ((calls, options) =>
        Effect.map(
          Effect.forEach(calls, (call) => handler.executeTogether([call], options)),
          (answers) => answers.flat()
        )) as typeof handler.executeTogether
    })
  )
).pipe(Layer.provide(CommandHandler.layer))

/** Leaves out the deliveries that are no start of a process. */
export const forgetfulRestock: Simulation.Processes = {
  ...Simulation.processes(restock),
  layer: Simulation.processes(restock).layer.pipe(
    Layer.provide(
      Layer.effect(
        CommandHandler,
        Effect.map(CommandHandler, (handler) =>
          CommandHandler.of({
            ...handler,
            executeAll: (aggregate, id, requests, options) =>
              requests.some(({ command }) => isContinued(command))
                ? Effect.succeed([])
                : handler.executeAll(aggregate, id, requests, options)
          })
        )
      )
    )
  )
}

const isContinued = (delivery: unknown): boolean =>
  Predicate.hasProperty(delivery, "event") && Predicate.isTagged(delivery.event, "Received")

/** Checks that the stream is as expected, and then writes. */
const hastyStore = Effect.map(EventStoreMemory.make, (store) =>
  EventStore.of({
    ...store,
    append: (append) =>
      Effect.gen(function* () {
        const { expected, streamId } = append
        const recorded = yield* Stream.runCollect(store.read(streamId)).pipe(
          Effect.catchTag("InvalidReadOption", Effect.die)
        )
        const isMet = expected._tag !== "Exactly" || recorded.length === expected.revision
        return yield* store.append(isMet ? { ...append, expected: ExpectedRevision.any } : append)
      })
  })
)

/**
 * Stores the rows first, and the checkpoint in a second call. A checkpoint and its event move
 * together, so only the rows reveal the mistake.
 */
const apartStore = Effect.map(ReadModelStoreMemory.make, (store) =>
  ReadModelStore.of({
    ...store,
    advance: (table, claim, step) =>
      Effect.gen(function* () {
        const states = yield* store.states(claim.name)
        const state = states.find(({ generation }) => generation === claim.generation)
        const event = state?.anchors[step.partition] ?? null
        yield* store.advance(table, claim, { ...step, to: step.from, event })
        yield* Effect.sleep("5 millis")
        const changes = { upserts: [], deletions: [] }
        yield* store.advance(table, claim, { ...step, changes, events: 0 })
      })
  })
)

/** Folds an append into the rows as they were at its start. */
const staleStore = Effect.map(ReadModelStoreMemory.make, (store) =>
  ReadModelStore.of({
    ...store,
    inline: (asked) =>
      Effect.gen(function* () {
        const before = new Map<string, ReadonlyMap<string, StoredRow>>()
        for (const { keys, table } of asked.touches) {
          const rows = new Map<string, StoredRow>()
          before.set(table.name, rows)
          for (const key of keys) {
            const row = yield* Effect.catchTag(
              store.get(table, key),
              "OtherVersionServes",
              Effect.die
            )
            if (Option.isSome(row)) rows.set(table.keyText(row.value), row.value)
          }
        }
        return yield* store.inline({
          ...asked,
          fold: (name, recorded, rows) => asked.fold(name, recorded, before.get(name) ?? rows)
        })
      })
  })
)

export const hasty = Layer.mergeAll(
  Layer.effect(EventStore, hastyStore),
  SnapshotStoreMemory.layer,
  ReadModelStoreMemory.layer
)

export const apart = Layer.mergeAll(
  EventStoreMemory.layer,
  SnapshotStoreMemory.layer,
  Layer.effect(ReadModelStore, apartStore)
)

/** Stores that an item was removed, but not why. */
export const forgetfulCodec: typeof aggregate = {
  ...aggregate,
  codec: {
    ...aggregate.codec,
    encode: (event) =>
      aggregate.codec.encode(event._tag === "ItemRemoved" ? { ...event, reason: "removed" } : event)
  }
}

const sameLine = (a: Line, b: Line): boolean =>
  a.productId === b.productId && a.unitPriceMinor === b.unitPriceMinor

/** Leaves a line whose quantity has reached zero. */
export const untidyFold: typeof aggregate = {
  ...aggregate,
  decider: {
    ...aggregate.decider,
    evolve: (state, event) => {
      const after = aggregate.decider.evolve(state, event)
      if (event._tag !== "ItemRemoved" || state._tag !== "Draft" || after._tag !== "Draft") {
        return after
      }
      const taken = state.lines.filter((line) => !after.lines.some((left) => sameLine(left, line)))
      return {
        ...after,
        lines: [...after.lines, ...taken.map((line) => ({ ...line, quantity: 0 }))]
      }
    }
  }
}

export const stale = Layer.mergeAll(
  EventStoreMemory.layer,
  SnapshotStoreMemory.layer,
  Layer.effect(ReadModelStore, staleStore)
)

const withRows = (rows: Effect.Effect<ReadModelStore["Service"]>) =>
  Layer.mergeAll(
    EventStoreMemory.layer,
    SnapshotStoreMemory.layer,
    Layer.effect(ReadModelStore, rows)
  )

/** Gives no host, whatever its code, the rows that another host has stopped at an event. */
export const stubborn = withRows(
  Effect.map(ReadModelStoreMemory.make, (store) =>
    ReadModelStore.of({ ...store, claim: (of, owner, lease) => store.claim(of, owner, lease) })
  )
)

/** Skips an event once, and does not record it. */
export const unrecorded = withRows(
  Effect.map(ReadModelStoreMemory.make, (store) =>
    ReadModelStore.of({ ...store, skipped: () => Effect.succeed([]) })
  )
)

/** Accepts any checkpoint as one of its history. */
export const trusting = Layer.mergeAll(
  Layer.effect(
    EventStore,
    Effect.map(EventStoreMemory.make, (store) =>
      EventStore.of({
        ...store,
        verify: () => Effect.void,
        subscribePages: ({ after, ...options } = {}) =>
          Stream.unwrap(
            Effect.map(store.head, (head) => {
              const from = after === undefined ? Position.start : Checkpoint.position(after)
              return store.subscribePages({ ...options, after: from > head ? head : from })
            })
          )
      })
    )
  ),
  SnapshotStoreMemory.layer,
  ReadModelStoreMemory.layer
)
