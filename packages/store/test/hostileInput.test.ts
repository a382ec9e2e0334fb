/**
 * S24: odd input fails with a typed error. Each argument of each function is replaced by values
 * that its type does not allow.
 */
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as EventId from "@daybook/kernel/EventId"
import * as StreamId from "@daybook/kernel/StreamId"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { AppendRefused, EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { SnapshotStore } from "@daybook/store/SnapshotStore"
import * as SnapshotStoreMemory from "@daybook/store/SnapshotStoreMemory"
import * as StartFailure from "@daybook/store/StartFailure"
import { rootMessage } from "@daybook/store/RootMessage"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { aggregate, deposit } from "./Account.ts"
import { hostile } from "./hostile.ts"

const layer = CommandHandler.layer.pipe(
  Layer.provideMerge(Layer.merge(EventStoreMemory.layer, SnapshotStoreMemory.layer))
)

const event = {
  id: EventId.make("00000000-0000-4000-8000-000000000001"),
  type: "Noted",
  schemaVersion: 1,
  data: {},
  metadata: {},
  occurredAt: DateTime.makeUnsafe(0)
}

/**
 * Returns the argument with each of its values replaced, one after the other. Its objects and
 * arrays stay: a call of another shape is a broken program, and dies.
 */
const replaced = (given: unknown, value: unknown): ReadonlyArray<unknown> => {
  if (Array.isArray(given)) {
    const all: ReadonlyArray<unknown> = given
    return all.flatMap((one, i) =>
      replaced(one, value).map((changed): unknown => all.with(i, changed))
    )
  }
  if (!Predicate.isObject(given) || DateTime.isDateTime(given)) return [value]
  const entries = Object.entries(given)
  // JSON of any shape may stand there.
  if (entries.length === 0) return [value]
  return entries.flatMap(([key, one]) =>
    replaced(one, value).map((changed) => ({ ...given, [key]: changed }))
  )
}

/** Returns every call with one hostile value that dies or throws. */
const deaths = Effect.fnUntraced(function* <R>(
  calls: ReadonlyArray<
    readonly [
      name: string,
      call: (...args: ReadonlyArray<never>) => Effect.Effect<unknown, unknown, R>,
      ...args: ReadonlyArray<unknown>
    ]
  >
) {
  const found: Array<string> = []
  for (const [name, call, ...args] of calls) {
    for (const [what, value] of hostile) {
      for (const variant of args.flatMap((one, i) =>
        replaced(one, value).map((changed) => args.with(i, changed))
      )) {
        const exit = yield* Effect.exit(
          Effect.suspend(() =>
            call(...(variant as ReadonlyArray<unknown> as ReadonlyArray<never>))
          ).pipe(Effect.timeoutOption("100 millis"))
        )
        if (Exit.isFailure(exit)) {
          if (Cause.hasDies(exit.cause)) {
            found.push(`${name} with ${what}: ${rootMessage(Cause.squash(exit.cause))}`)
          }
          StartFailure.lineOf(exit.cause)
        }
      }
    }
  }
  return [...new Set(found)]
})

describe("S24: odd input", () => {
  it.live(
    "of a store, a handler or a store of snapshots fails, typed",
    () =>
      Effect.gen(function* () {
        const store = yield* EventStore
        const handler = yield* CommandHandler
        const snapshots = yield* SnapshotStore
        const streamId = StreamId.StreamId.make("account-1")
        const append = { streamId, expected: ExpectedRevision.any, events: [event] }
        const first = (stream: Stream.Stream<unknown, unknown>) =>
          Stream.runDrain(Stream.take(stream, 1))
        const request = {
          commandId: "00000000-0000-4000-8000-000000000002",
          occurredAt: DateTime.makeUnsafe(0)
        }
        const snapshot = {
          streamId,
          revision: 1,
          position: 1n,
          eventId: event.id,
          fingerprint: "0".repeat(64),
          state: {}
        }
        const found = yield* deaths([
          ["append", store.append, append],
          ["appendAll", store.appendAll, { appends: [append], checks: [] }],
          [
            "read",
            (...args) => first(store.read(...(args as [never]))),
            streamId,
            {
              from: 1,
              to: 1,
              direction: "forward",
              types: ["Noted"],
              limit: 1,
              until: { recordedAt: DateTime.makeUnsafe(0) }
            }
          ],
          [
            "readAll",
            (...args) => first(store.readAll(...(args as [never]))),
            {
              after: 0n,
              upTo: 1n,
              direction: "forward",
              categories: ["account"],
              types: ["Noted"],
              limit: 1,
              recordedAt: { after: DateTime.makeUnsafe(0), upTo: DateTime.makeUnsafe(0) }
            }
          ],
          [
            "subscribe",
            (...args) => first(store.subscribe(...(args as [never]))),
            { after: 0n, categories: ["account"], types: ["Noted"] }
          ],
          [
            "streams",
            (...args) => first(store.streams(...(args as [never]))),
            { category: "account", prefix: "account-", after: streamId, limit: 1 }
          ],
          ["stream", store.stream, streamId],
          ["backlog", store.backlog, { after: 0n, categories: ["account"], types: ["Noted"] }],
          ["positionAt", store.positionAt, { recordedAt: DateTime.makeUnsafe(0) }],
          ["find", store.find, [event.id]],
          [
            "execute",
            (id, command, options) => handler.execute(aggregate, id, command, options),
            "1",
            deposit(1),
            request
          ],
          [
            "executeAll",
            (id, requests) => handler.executeAll(aggregate, id, requests),
            "1",
            [{ command: deposit(1), ...request }]
          ],
          ["load", (id) => handler.load(aggregate, id), "1"],
          ["loadAt", (id, at) => handler.loadAt(aggregate, id, at), "1", { revision: 1 }],
          ["history", (id) => first(handler.history(aggregate, id)), "1"],
          ["snapshot.load", snapshots.load, streamId, { fingerprint: "0".repeat(64) }],
          ["snapshot.save", snapshots.save, snapshot],
          [
            "StreamId.fromString",
            (text) => Effect.fromResult(StreamId.fromString(text)),
            "account-1"
          ]
        ])
        assert.deepStrictEqual(found, [])
      }).pipe(Effect.provide(layer)),
    60_000
  )

  it.effect("as the id of a command is refused, and names its place", () =>
    Effect.gen(function* () {
      const handler = yield* CommandHandler
      for (const commandId of ["", "1", "00000000-0000-4000-8000-00000000000A", 1, null, {}]) {
        const error = yield* Effect.flip(
          handler.executeAll(aggregate, "1", [
            { command: deposit(1) },
            { command: deposit(1), commandId: commandId as never }
          ])
        )
        assert.instanceOf(error, AppendRefused)
        assert.strictEqual(
          error.message,
          "Cannot append to account-1: the id of command 1 is not a lower-case UUID"
        )
      }
      assert.strictEqual((yield* handler.load(aggregate, "1")).revision, 0)
    }).pipe(Effect.provide(layer))
  )

  it("that an upcaster or a schema throws is in the error", () => {
    const codec = EventCodec.make({
      name: "till",
      events: Schema.TaggedUnion({ Sold: { minor: Schema.Int } })
    })
    for (const [, value] of hostile) {
      assert.isTrue(Result.isFailure(codec.encode(value as never)))
    }
  })
})
