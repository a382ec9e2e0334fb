/**
 * Rows that are too large, alone or together, are bounded in the same way however events are
 * batched; on any store.
 */
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as EventId from "@daybook/kernel/EventId"
import * as Projection from "@daybook/kernel/Projection"
import * as StreamId from "@daybook/kernel/StreamId"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModel from "@daybook/projections/ReadModel"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import { defaults, RunnerSettings } from "@daybook/projections/RunnerSettings"
import { EventStore } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"

const settings = { ...defaults, pollInterval: "20 millis" } as const

/** The content that an event gives each of its rows. */
const Fill = Schema.Literals(["large", "too large", "numbers", "little"])
type Fill = typeof Fill.Type
const Filled = Schema.TaggedUnion({ Filled: { keys: Schema.Array(Schema.String), fill: Fill } })

const fills: { readonly [fill in Fill]: { readonly text: string; readonly list: Array<number> } } =
  {
    large: { text: "x".repeat(7_000_000), list: [] },
    "too large": { text: "x".repeat(8_100_000), list: [] },
    // PostgreSQL writes 0.0000001, while the upper bound counts 350 bytes for such a number.
    numbers: { text: "", list: Array.from({ length: 7_600 }, () => 1e-7) },
    little: { text: "", list: [] }
  }

const make = () => {
  const id = SecureRandom.uuidV4Unsafe().slice(0, 8)
  const category = StreamId.Category.make(`fill_${id}`)
  return {
    streamId: StreamId.StreamId.make(`${category}-1`),
    rows: Projection.define({
      name: `fills_${id}`,
      version: 1,
      from: [{ category, codec: EventCodec.make({ name: category, events: Filled }) }],
      row: Schema.Struct({
        id: Schema.String,
        text: Schema.String,
        list: Schema.Array(Schema.Finite)
      }),
      primaryKey: ["id"]
    }).fold({
      keys: ({ keys }) => keys.map((key) => ({ id: key })),
      initial: (key) => ({ ...key, text: "", list: [] }),
      apply: (row, { fill }) => ({ ...row, ...fills[fill] })
    })
  }
}

type Event = readonly [fill: Fill, ...keys: ReadonlyArray<string>]

const keysOf = (count: number, from = 0) => Array.from({ length: count }, (_, n) => `k${from + n}`)

const append = Effect.fnUntraced(function* (
  streamId: StreamId.StreamId,
  ...written: readonly [Event, ...ReadonlyArray<Event>]
) {
  const events = yield* EventStore
  const [first, ...more] = written
  const toEvent = ([fill, ...keys]: Event) => ({
    id: EventId.make(SecureRandom.uuidV4Unsafe()),
    type: "Filled",
    schemaVersion: 1,
    data: { keys, fill },
    metadata: {},
    occurredAt: DateTime.makeUnsafe(0)
  })
  const { position } = yield* events.append({
    streamId,
    expected: ExpectedRevision.any,
    events: [toEvent(first), ...more.map(toEvent)]
  })
  return position
})

type Model = ReturnType<typeof make>["rows"]

const host = (
  projections: Parameters<typeof Projections.layer>[0],
  wrap: (store: ReadModelStore["Service"]) => ReadModelStore["Service"] = (store) => store
) =>
  Effect.gen(function* () {
    const store = yield* ReadModelStore
    const context = yield* Layer.build(Layer.fresh(Projections.layer(projections))).pipe(
      Effect.provideService(RunnerSettings, settings),
      Effect.provideService(ReadModelStore, wrap(store))
    )
    return Context.get(context, Projections)
  })

/** Returns the appends that maintain the rows, once these are inline. */
const appending = Effect.fnUntraced(function* (projections: Projections["Service"], rows: Model) {
  yield* Effect.repeat(projections.status(rows.name), {
    until: ({ state }) => state === "inline",
    schedule: Schedule.spaced("5 millis")
  })
  return yield* Layer.build(Layer.fresh(Projections.layerAppends([rows])))
})

/** Returns the poison that stopped the read model before the position. */
const poisonBefore = Effect.fnUntraced(function* (
  projections: Projections["Service"],
  rows: Model,
  position: Parameters<Projections["Service"]["waitFor"]>[1]
) {
  const stopped = yield* Effect.flip(projections.waitFor(rows.name, position, "60 seconds"))
  assert.strictEqual(stopped._tag, "ProjectionStopped")
  const { poison } = yield* projections.status(rows.name)
  const { issue, reason, revision } = Option.getOrThrow(poison)
  return { issue, reason, revision }
})

const TOO_LARGE = {
  issue: "the row has 8100016 bytes, at most 8000000 are stored",
  reason: "NoRow",
  revision: 1
}

const TOO_MANY = {
  issue: "the rows that it touches have 280000710 bytes, at most 256000000 are written at once",
  reason: "NoRow",
  revision: 1
}

export const cases = <E>(
  name: string,
  stores: Layer.Layer<EventStore | ReadModelStore, E>,
  /** True if the store writes hundreds of megabytes within seconds. */
  isFast = true
): void => {
  layer(stores, { timeout: "2 minutes", excludeTestServices: true })(name, (it) => {
    it.effect("are written in several steps, each of them bounded", () =>
      Effect.gen(function* () {
        const { rows, streamId } = make()
        const [first, ...more] = keysOf(40).map((key): Event => ["large", key])
        if (first === undefined) return assert.fail("there are 40")
        const position = yield* append(streamId, first, ...more)
        const written: Array<number> = []
        const projections = yield* host({ async: [rows] }, (store) => ({
          ...store,
          advance: (table, claim, step) =>
            Effect.tap(store.advance(table, claim, step), () =>
              Effect.sync(() => written.push(step.changes.upserts.length))
            )
        }))
        yield* projections.waitFor(rows.name, position, "60 seconds")
        assert.strictEqual(
          written.reduce((sum, count) => sum + count, 0),
          40
        )
        // 36 rows of 7 MB are the limit of a step.
        assert.isTrue(
          written.every((count) => count <= 36),
          written.join()
        )
      }).pipe(Effect.scoped)
    )

    it.effect("stop a step at an event that can be folded only now and then", () =>
      Effect.gen(function* () {
        const { rows, streamId } = make()
        const large = keysOf(40).map((key): Event => ["large", key])
        const position = yield* append(streamId, ["little", "a"], ...large)
        let calls = 0
        const wavering: Model = {
          ...rows,
          apply: (row, event, context) => {
            if (context.key.id === "a" && ++calls > 1) throw new Error("once is enough")
            return rows.apply(row, event, context)
          }
        }
        // All rows together have too many bytes, and the first half of them meets the error.
        const projections = yield* host({ async: [wavering] })
        assert.deepStrictEqual(yield* poisonBefore(projections, rows, position), {
          issue: "Error: once is enough",
          reason: "Threw",
          revision: 1
        })
      }).pipe(Effect.scoped)
    )

    for (const mode of ["async", "inline"] as const) {
      const written = Effect.fnUntraced(function* (
        of: ReturnType<typeof make>,
        ...events: readonly [Event, ...ReadonlyArray<Event>]
      ) {
        const projections = yield* host({ [mode]: [of.rows] })
        if (mode === "async") {
          return { projections, position: yield* append(of.streamId, ...events) }
        }
        const keeping = yield* appending(projections, of.rows)
        const position = yield* append(of.streamId, ...events).pipe(Effect.provide(keeping))
        return { projections, position }
      })

      it.effect(`are small though they might be large (${mode})`, () =>
        Effect.gen(function* () {
          const of = make()
          const { position, projections } = yield* written(of, ["numbers", ...keysOf(100)])
          yield* projections.waitFor(of.rows.name, position, "60 seconds")
          const last = yield* ReadModel.get(of.rows, { id: "k99" })
          assert.strictEqual(Option.getOrThrow(last).list.length, 7_600)
        }).pipe(Effect.scoped)
      )

      it.effect(
        `stop at one that is too large, though the next event makes it small (${mode})`,
        () =>
          Effect.gen(function* () {
            const of = make()
            const { position, projections } = yield* written(
              of,
              ["too large", "a"],
              ["little", "a"]
            )
            assert.deepStrictEqual(yield* poisonBefore(projections, of.rows, position), TOO_LARGE)
          }).pipe(Effect.scoped)
      )

      it.effect(`stop at an event that touches too many bytes of them (${mode})`, () =>
        Effect.gen(function* () {
          const of = make()
          const { position, projections } = yield* written(of, ["large", ...keysOf(40)])
          assert.deepStrictEqual(yield* poisonBefore(projections, of.rows, position), TOO_MANY)
        }).pipe(Effect.scoped)
      )

      if (!isFast) continue
      it.effect(`are written of each event, though all are too many bytes (${mode})`, () =>
        Effect.gen(function* () {
          const of = make()
          const { position, projections } = yield* written(
            of,
            ["large", ...keysOf(20)],
            ["large", ...keysOf(20, 20)]
          )
          yield* projections.waitFor(of.rows.name, position, "60 seconds")
          const last = yield* ReadModel.get(of.rows, { id: "k39" })
          assert.strictEqual(Option.getOrThrow(last).text.length, 7_000_000)
          assert.strictEqual(
            (yield* projections.status(of.rows.name)).state,
            mode === "inline" ? "inline" : "up to date"
          )
        }).pipe(Effect.scoped)
      )
    }
  })
}
