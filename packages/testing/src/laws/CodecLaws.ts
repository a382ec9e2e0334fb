/**
 * The laws of a codec, for any events: a stored event stays readable for ever.
 *
 * 1. An event comes back from its stored form unchanged: `decode(encode(event))` is `[event]`,
 *    through JSON text. It holds no integer past 2^53 - 1, which logs refuse, and no instant before
 *    4713 BC, which no row of a read model holds.
 * 2. Encoding is canonical: equal events have equal texts, whatever the order of their fields.
 * 3. Every version that was ever stored decodes, under each of its names, for every value that its
 *    schema allows.
 * 4. Golden samples decode to the events that they stand for, and every version has one.
 * 5. The codec agrees with its lock file.
 *
 * **Example** (With samples by hand, and a lock that a script has written)
 *
 * ```ts test
 * import * as EventCodec from "@daybook/kernel/EventCodec"
 * import * as Upcaster from "@daybook/kernel/Upcaster"
 * import * as CodecLaws from "@daybook/testing/laws/CodecLaws"
 * import * as LawSuite from "@daybook/testing/LawSuite"
 * import * as SchemaLockFile from "@daybook/testing/SchemaLockFile"
 * import { Effect, Schema } from "effect"
 *
 * const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 1, maximum }))
 * const events = Schema.TaggedUnion({ Sold: { minor: upTo(1_000_000) } })
 * // Until version 2 a sale was of so many pounds.
 * const past = {
 *   Sold: Upcaster.from(Schema.Struct({ pounds: upTo(10_000) })).into(({ pounds }) =>
 *     events.cases.Sold.make({ minor: pounds * 100 })
 *   )
 * }
 * const codec = EventCodec.make({ name: "till", events, past })
 *
 * const samples: ReadonlyArray<CodecLaws.Sample<typeof events.Type>> = [
 *   {
 *     stored: { type: "Sold", schemaVersion: 1, data: { pounds: 5 } },
 *     means: [{ _tag: "Sold", minor: 500 }]
 *   },
 *   {
 *     stored: { type: "Sold", schemaVersion: 2, data: { minor: 5 } },
 *     means: [{ _tag: "Sold", minor: 5 }]
 *   }
 * ]
 *
 * const lock = new URL("till.lock.json", import.meta.url)
 * await Effect.runPromise(SchemaLockFile.write(codec, lock)) // in a script, when a version is new
 *
 * LawSuite.suite("the codec of a till", CodecLaws.laws(codec, { samples, lock }))
 * ```
 *
 * `GoldenSamples` writes samples from generated events, and reads them from files.
 *
 * @since 0.1.0
 */
import * as Deciders from "@daybook/kernel/Decider"
import type { Decider } from "@daybook/kernel/Decider"
import { type EncodedEvent, type EventCodec, problemOf } from "@daybook/kernel/EventCodec"
import * as Arbitrary from "effect/Arbitrary"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { diff, same } from "../internal/differences.ts"
import { encodeVersion } from "../internal/encodeVersion.ts"
import { render } from "../internal/render.ts"
import { roundTripProblem, stored } from "../internal/roundTrip.ts"
import * as Law from "../Law.ts"
import * as SchemaLockFile from "../SchemaLockFile.ts"

/**
 * An event as it was stored once, and the events of today that it stands for. Never edit one: a new
 * shape gets a new sample.
 *
 * @category types
 * @since 0.1.0
 */
export interface Sample<out Event> {
  /** The event as it was stored, with its type and schema version. */
  readonly stored: EncodedEvent
  /** The events of the newest shape that it decodes to. */
  readonly means: ReadonlyArray<Event>
}

/**
 * The files and samples that a codec is checked against.
 *
 * @category types
 * @since 0.1.0
 */
export interface Options<Command, State, Event, Rejection> {
  /** Golden samples, at least one of each version. */
  readonly samples?: ReadonlyArray<Sample<Event>>
  /** The file of the codec's lock. */
  readonly lock?: string | URL
  /**
   * The aggregate that folds the events, or its decider and the schema of its states. With it, law
   * 3 also checks that a fold accepts the events that old versions decode to.
   */
  readonly fold?: {
    readonly decider: Decider<Command, State, Event, Rejection>
    readonly state: Schema.Codec<State, unknown>
  }
}

/**
 * The laws of `codec`.
 *
 * @category laws
 * @since 0.1.0
 */
export const laws = <Event, Command = never, State = unknown, Rejection = unknown>(
  codec: EventCodec<Event>,
  options: Options<Command, State, NoInfer<Event>, Rejection> = {}
): ReadonlyArray<Law.Law> => {
  const { fold, lock, samples } = options
  const events = () => Arbitrary.schema(Schema.toType(codec.events))
  const isEvents = Schema.is(Schema.toType(Schema.Array(codec.events)))
  const isState = fold === undefined ? undefined : Schema.is(Schema.toType(fold.state))

  const comesBack = Law.make({
    name: "an event comes back from its stored form as it was",
    inputs: events,
    problem: (event) => roundTripProblem(codec, event)
  })

  const canonical = Law.make({
    name: "equal events have equal texts",
    inputs: events,
    problem: (event) => {
      const [text, other] = [event, reversed(event) as Event].map((of) =>
        Result.match(codec.encode(of), {
          onSuccess: ({ data }) => JSON.stringify(data),
          onFailure: ({ message }) => message
        })
      )
      return text === other
        ? undefined
        : `with its fields in another order it is stored as\n${other}\nand not as\n${text}`
    }
  })

  const oldDecode = Law.make({
    name: "every version that was ever stored decodes",
    inputs: () =>
      Arbitrary.flatMap(
        Arbitrary.schema(Schema.Literals(codec.versions.map((_, index) => index))),
        (index) => {
          const version = at(codec.versions, index)
          const { names, schema } = version
          const encode = encodeVersion(version)
          return Arbitrary.map(
            Arbitrary.all([
              Arbitrary.schema(Schema.Literals(names)),
              Arbitrary.schema(Schema.toType(schema))
            ]),
            ([type, value]) => encode(type, value)
          )
        }
      ),
    problem: (encoded) => {
      const decoded = codec.decode(stored(encoded))
      if (Result.isFailure(decoded)) return problemOf(decoded.failure)
      if (!isEvents(decoded.success))
        return `it decodes to no events of today: ${render(decoded.success)}`
      if (fold === undefined || isState === undefined) return undefined
      const state = Deciders.fold(fold.decider, decoded.success)
      return isState(state) ? undefined : `its fold does not fit the state schema: ${render(state)}`
    },
    show: ({ data, schemaVersion, type }) =>
      `for ${type} version ${schemaVersion}, stored as ${JSON.stringify(data)}`
  })

  const golden =
    samples === undefined
      ? []
      : [
          Law.once({
            name: "every version has a golden sample",
            problem: () => {
              const have = new Set(
                samples.map(({ stored }) => versionOf(stored.type, stored.schemaVersion))
              )
              const missing = codec.versions
                .map(({ names, schemaVersion }) => versionOf(names[0], schemaVersion))
                .filter((version) => !have.has(version))
              return missing.length === 0 ? undefined : `no sample of ${missing.join(", ")}`
            }
          }),
          ...samples.map((sample, index) =>
            Law.once({
              name: `sample ${index + 1}, ${versionOf(sample.stored.type, sample.stored.schemaVersion)}, means what it meant`,
              problem: () => {
                const decoded = codec.decode(stored(sample.stored))
                if (Result.isFailure(decoded)) return problemOf(decoded.failure)
                return same(decoded.success, sample.means)
                  ? undefined
                  : diff(sample.means, decoded.success)
              }
            })
          )
        ]

  const locked = lock === undefined ? [] : [SchemaLockFile.law(codec, lock)]
  return [comesBack, canonical, oldDecode, ...golden, ...locked]
}

const versionOf = (type: string, schemaVersion: number): string =>
  `${type} version ${schemaVersion}`

/** Returns the version at `index`, which was drawn from the indexes of `all`. */
const at = <A>(all: ReadonlyArray<A>, index: number): A => all[index] as A

/** Copies a value with the fields of its objects in reverse order, at every depth. */
const reversed = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(reversed)
  if (!Predicate.isObject(value) || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, field]) => [key, reversed(field)])
  )
}
