/**
 * The changes of a fold that change its fingerprint, and those that don't.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as Upcaster from "@daybook/kernel/Upcaster"
import * as FoldFingerprint from "@daybook/store/FoldFingerprint"
import { assert, describe, it } from "@effect/vitest"
import * as Digest from "effect/crypto/Digest"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import { execFile } from "node:child_process"
import * as Path from "node:path"
import * as process from "node:process"
import { promisify } from "node:util"
import * as Account from "./Account.ts"
import * as Hall from "./Hall.ts"

const Line = Schema.Struct({ product: Schema.String, minor: Schema.Int, quantity: Schema.Int })

const Events = Schema.TaggedUnion({
  Opened: { customer: Schema.NonEmptyString },
  Added: { product: Schema.String, minor: Schema.Int, quantity: Schema.Int },
  Removed: { product: Schema.String, quantity: Schema.Int },
  Noted: { note: Schema.optionalKey(Schema.String), tags: Schema.Array(Schema.String) },
  Closed: {}
})
type Event = typeof Events.Type

const State = Schema.Struct({
  customer: Schema.NullOr(Schema.String),
  lines: Schema.Array(Line),
  notes: Schema.Int,
  open: Schema.Boolean
})
type State = typeof State.Type

interface Fold {
  readonly evolve: (state: State, event: Event) => State
  readonly initialState: State
}

/** A basket that counts its items; each mutant below differs from it in one place. */
const right: Fold = {
  initialState: { customer: null, lines: [], notes: 0, open: false },
  evolve: (state, event) =>
    Events.match(event, {
      Opened: ({ customer }): State =>
        state.customer === null ? { ...state, customer, open: true } : state,
      Added: ({ minor, product, quantity }) => {
        if (!state.open) return state
        const line = state.lines.find((other) => other.product === product)
        const rest = state.lines.filter((other) => other !== line)
        return {
          ...state,
          lines: [...rest, { product, minor, quantity: quantity + (line?.quantity ?? 0) }]
        }
      },
      Removed: ({ product, quantity }) => ({
        ...state,
        lines: state.lines.flatMap((line) =>
          line.product !== product
            ? [line]
            : line.quantity > quantity
              ? [{ ...line, quantity: line.quantity - quantity }]
              : []
        )
      }),
      Noted: ({ note, tags }) => ({
        ...state,
        notes: state.notes + tags.length + (note === undefined ? 0 : 1)
      }),
      Closed: () => ({ ...state, open: false })
    })
}

/** Folds that differ from it in one place. */
const mutants: Record<string, Fold["evolve"]> = {
  "a sign in one branch": (state, event) =>
    event._tag === "Removed"
      ? {
          ...state,
          lines: state.lines.flatMap((line) =>
            line.product !== event.product
              ? [line]
              : line.quantity > event.quantity
                ? [{ ...line, quantity: line.quantity + event.quantity }]
                : []
          )
        }
      : right.evolve(state, event),
  "a comparison that lets equals through": (state, event) =>
    event._tag === "Removed"
      ? {
          ...state,
          lines: state.lines.flatMap((line) =>
            line.product !== event.product
              ? [line]
              : line.quantity >= event.quantity
                ? [{ ...line, quantity: line.quantity - event.quantity }]
                : []
          )
        }
      : right.evolve(state, event),
  "a line that is not found again": (state, event) =>
    event._tag === "Added" && state.open
      ? { ...state, lines: [...state.lines, Struct.omit(event, ["_tag"])] }
      : right.evolve(state, event),
  "the order of what was added": (state, event) =>
    event._tag === "Added"
      ? { ...right.evolve(state, event), lines: right.evolve(state, event).lines.toReversed() }
      : right.evolve(state, event),
  "an optional field that is not looked at": (state, event) =>
    event._tag === "Noted"
      ? { ...state, notes: state.notes + event.tags.length }
      : right.evolve(state, event),
  "an event that counts twice": (state, event) =>
    event._tag === "Noted"
      ? right.evolve(right.evolve(state, event), event)
      : right.evolve(state, event),
  "a second opening that is accepted": (state, event) =>
    event._tag === "Opened"
      ? { ...state, customer: event.customer, open: true }
      : right.evolve(state, event),
  "what a closed basket still takes": (state, event) =>
    right.evolve(event._tag === "Added" ? { ...state, open: true } : state, event),
  "an event that is ignored": (state, event) =>
    event._tag === "Closed" ? state : right.evolve(state, event),
  "an evolve that throws": (state, event) => {
    if (event._tag === "Closed") throw new Error("closed")
    return right.evolve(state, event)
  }
}

const of = (
  fold: Partial<Fold> = {},
  codec = EventCodec.make({ name: "basket", events: Events }),
  state: Schema.Codec<State, unknown> = State
) =>
  FoldFingerprint.make(
    Aggregate.make({
      category: "basket",
      decider: { ...right, ...fold, decide: () => Result.succeed([]) },
      codec,
      state
    })
  ).pipe(Effect.provide(Digest.layerWebCrypto))

/**
 * Computes the fingerprints in a process with another time zone and language, whose schemas are
 * compiled.
 */
const fingerprintsElsewhere = Effect.tryPromise(() =>
  promisify(execFile)(
    process.execPath,
    [
      "--import",
      "effect/schema/SchemaJITCompiler/enable",
      Path.join(import.meta.dirname, "programs", "fingerprints.ts")
    ],
    { cwd: import.meta.dirname, env: { TZ: "Asia/Kathmandu", LC_ALL: "tr_TR.UTF-8" } }
  )
).pipe(Effect.map(({ stdout }) => stdout))

describe("A fold's fingerprint", () => {
  for (const [what, evolve] of Object.entries(mutants)) {
    it.effect(`changes with ${what}`, () =>
      Effect.gen(function* () {
        assert.notStrictEqual(yield* of({ evolve }), yield* of())
      })
    )
  }

  it.effect("changes with the initial state", () =>
    Effect.gen(function* () {
      const initialState = { ...right.initialState, notes: 1 }
      assert.notStrictEqual(yield* of({ initialState }), yield* of())
    })
  )

  it.effect("changes with the schema of the state, though no value does", () =>
    Effect.gen(function* () {
      const state = Schema.Struct({ ...State.fields, notes: Schema.Finite })
      assert.notStrictEqual(yield* of({}, undefined, state), yield* of())
    })
  )

  it.effect("changes with what an upcaster makes of old events", () =>
    Effect.gen(function* () {
      const past = (factor: number) =>
        EventCodec.make({
          name: "basket",
          events: Events,
          past: {
            Added: Upcaster.from(Schema.Struct({ product: Schema.String, price: Schema.Int })).into(
              ({ price, product }) => ({
                _tag: "Added" as const,
                product,
                minor: price * factor,
                quantity: 1
              })
            )
          }
        })
      const hundred = yield* of({}, past(100))
      assert.notStrictEqual(hundred, yield* of({}, past(10)))
      assert.strictEqual(hundred, yield* of({}, past(100)))
    })
  )

  it.effect("changes with a default that stands for an absent field", () =>
    Effect.gen(function* () {
      const { Added, Closed, Noted, Opened, Removed } = Events.cases
      const withDefault = (quantity: number) =>
        EventCodec.make({
          name: "basket",
          events: Schema.TaggedUnion({
            Opened: Opened.fields,
            Added: {
              ...Added.fields,
              quantity: Schema.Int.pipe(Schema.withDecodingDefaultKey(Effect.succeed(quantity)))
            },
            Removed: Removed.fields,
            Noted: Noted.fields,
            Closed: Closed.fields
          })
        })
      assert.notStrictEqual(yield* of({}, withDefault(1)), yield* of({}, withDefault(2)))
    })
  )

  it.effect("changes with a default in the past of an event, however deep", () =>
    Effect.gen(function* () {
      const past = (quantity: number) => {
        const line = Schema.Struct({
          // Random text is not an instant: fields must be left out of valid data.
          at: Schema.DateTimeUtcFromString,
          quantity: Schema.Int.pipe(Schema.withDecodingDefaultKey(Effect.succeed(quantity)))
        })
        return EventCodec.make({
          name: "basket",
          events: Events,
          past: {
            Added: Upcaster.from(
              Schema.Struct({ product: Schema.String, lines: Schema.NonEmptyArray(line) })
            ).into(({ lines, product }) => ({
              _tag: "Added" as const,
              product,
              minor: 1,
              quantity: lines[0].quantity
            }))
          }
        })
      }
      assert.notStrictEqual(yield* of({}, past(1)), yield* of({}, past(2)))
    })
  )

  const handedOn: ReadonlyArray<
    readonly [
      string,
      (reason: EventCodec.DecodeErrorReason, stored: EventCodec.EncodedEvent) => boolean
    ]
  > = [
    ["of an unknown type", (reason) => reason._tag === "UnknownType"],
    ["of a version to come", (reason) => reason._tag === "UnknownSchemaVersion"],
    ["that does not decode", (reason) => reason._tag === "InvalidData"],
    [
      "that does not decode in one version, under a former name",
      (reason, { schemaVersion, type }) =>
        reason._tag === "InvalidData" && type === "Put" && schemaVersion === 1
    ],
    [
      "of which one field does not decode",
      (reason, { data }) => reason._tag === "InvalidData" && Predicate.hasProperty(data, "quantity")
    ]
  ]
  for (const [what, isMeant] of handedOn) {
    it.effect(`changes with what a codec makes of an event ${what}`, () =>
      Effect.gen(function* () {
        const codec = EventCodec.make({
          name: "basket",
          events: Events,
          past: {
            Added: Upcaster.from(Schema.Struct({ price: Schema.Int })).into(({ price }) => ({
              _tag: "Added" as const,
              product: "any",
              minor: price,
              quantity: 1
            }))
          },
          formerNames: { Added: ["Put"] }
        })
        const handingOn = EventCodec.orElse(codec, (stored, reason) =>
          isMeant(reason, stored) ? [{ _tag: "Closed" }] : []
        )
        const skipping = EventCodec.orElse(codec, () => [])
        assert.notStrictEqual(yield* of({}, handingOn), yield* of({}, skipping))
      })
    )
  }

  it.effect("is there when a codec throws at data that was never stored", () =>
    Effect.gen(function* () {
      const codec = EventCodec.orElse(
        EventCodec.make({ name: "basket", events: Events }),
        ({ data }) => {
          if (!Predicate.hasProperty(data, "tags")) throw new Error("no tags")
          return []
        }
      )
      assert.notStrictEqual(yield* of({}, codec), yield* of())
    })
  )

  it.effect("stays the same when the same fold is written another way", () =>
    Effect.gen(function* () {
      const evolve: Fold["evolve"] = (state, event) => {
        if (event._tag !== "Removed") return right.evolve(state, event)
        const lines = []
        for (const { quantity, ...line } of state.lines) {
          const left = line.product === event.product ? quantity - event.quantity : quantity
          if (line.product !== event.product || left > 0) lines.push({ quantity: left, ...line })
        }
        return { ...state, lines }
      }
      assert.strictEqual(yield* of({ evolve }), yield* of())
    })
  )

  it.effect("stays the same when fields and events change their places", () =>
    Effect.gen(function* () {
      const { Added, Closed, Noted, Opened, Removed } = Events.cases
      const events = Schema.TaggedUnion({
        Closed: {},
        Removed: { quantity: Removed.fields.quantity, product: Removed.fields.product },
        Noted: { tags: Noted.fields.tags, note: Noted.fields.note },
        Added: {
          quantity: Added.fields.quantity,
          minor: Added.fields.minor,
          product: Added.fields.product
        },
        Opened: { customer: Opened.fields.customer }
      })
      assert.deepStrictEqual(Object.keys(Closed.fields), ["_tag"])
      const { customer, lines, notes, open } = State.fields
      const state = Schema.Struct({ open, notes, lines, customer })
      const codec = EventCodec.make({ name: "trolley", events })
      assert.strictEqual(yield* of({}, codec, state), yield* of())
    })
  )

  it.effect("is the same in every process and on every machine", () =>
    Effect.gen(function* () {
      const fingerprints = yield* Effect.all([
        FoldFingerprint.make(Account.aggregate),
        FoldFingerprint.make(Hall.aggregate)
      ])
      // Recorded values. A new version of effect may generate other events: then these change, and
      // snapshots are taken again.
      assert.deepStrictEqual<ReadonlyArray<string>>(fingerprints, [
        "d3c3949f2955ba665d34a78f5b84d1b7af889466969744fe6dc02394f44bb9ab",
        "d88fb0d61e6cde2ff20a965af1351929bc4d55d8ce4600c4a7346b3b7df56f2d"
      ])
      const elsewhere = yield* fingerprintsElsewhere
      assert.strictEqual(elsewhere, `${fingerprints.join("\n")}\n`)
    }).pipe(Effect.provide(Digest.layerWebCrypto))
  )

  const ofEvent = (order: Schema.Codec<string, unknown>) => {
    const events = Schema.TaggedUnion({
      Shipped: { parcel: Schema.Struct({ orders: Schema.Array(order) }) }
    })
    const decider = { initialState: 0, decide: () => Result.succeed([]), evolve: () => 0 }
    const codec = EventCodec.make({ name: "parcel", events })
    return FoldFingerprint.make(
      Aggregate.make({ category: "parcel", decider, codec, state: Schema.Int })
    ).pipe(Effect.provide(Digest.layerWebCrypto))
  }

  it.effect("is not there for events that cannot be generated, and says of which field", () =>
    Effect.gen(function* () {
      const order = Schema.String.check(
        Schema.makeFilter((id: string) => id.startsWith("ORD-"), { expected: "an order's id" })
      )
      const { message } = yield* Effect.flip(ofEvent(order))
      assert.strictEqual(
        message,
        "The fold of parcel has no fingerprint: of Shipped version 1 no value of parcel.orders[] could be " +
          "generated (string, an order's id): random values do not pass its checks"
      )
      const declared = Schema.declare((value: unknown): value is string => value === "ORD-1")
      const underivable = yield* Effect.flip(ofEvent(declared))
      assert.include(underivable.message, "of Shipped version 1 no value of parcel.orders[] could")
      assert.include(underivable.message, "Unable to derive an arbitrary")
    })
  )

  it.effect("is there when a check says what its values look like", () =>
    Effect.gen(function* () {
      const patterns = [{ source: "^ORD-[0-9]{4}$", flags: "" }] as const
      const annotations = { expected: "an order's id", arbitraryConstraint: { patterns } }
      yield* ofEvent(
        Schema.String.check(Schema.makeFilter((id: string) => id.startsWith("ORD-"), annotations))
      )
      yield* ofEvent(Schema.String.check(Schema.isPattern(/^(?=ORD)[\p{Lu}\d-]+$/u, annotations)))
    })
  )
})
