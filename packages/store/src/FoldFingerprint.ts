/**
 * A hash that changes when a fold does, so that states of an older fold are not used as states of
 * the new one.
 *
 * It covers the state's schema and the results of the codec and `evolve` on a fixed corpus of
 * generated events and histories. It changes with the shape of the state, and when the same events
 * lead to other states. It is the same in every process and on every machine, and when symbols are
 * renamed, fields are reordered or code is rewritten without a change of behaviour.
 *
 * For every schema version the codec decodes generated data as it is, without its optional fields,
 * and broken; also data of unknown types and of future versions. Fields take few values, so that
 * events refer to one another, among them 0, 1, empty and padded text, and the bounds of their
 * checks.
 *
 * The hash misses a change that shows only for a text or number that the corpus lacks. `effect`
 * generates the corpus, so a new version of `effect` may change every fingerprint.
 *
 * @since 0.1.0
 */
import type { Aggregate } from "@daybook/kernel/Aggregate"
import * as Arr from "effect/Array"
import * as Digest from "effect/crypto/Digest"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { lineOf } from "./internal/snapshot/canonicalLine.ts"
import * as Corpus from "./internal/snapshot/corpus.ts"
import { decodings } from "./internal/snapshot/decodings.ts"
import { describeSchema } from "./internal/snapshot/describeSchema.ts"
import { rootMessage } from "./internal/start/rootMessage.ts"

/**
 * The fingerprint of a fold: a SHA-256 as 64 hexadecimal digits in lower case.
 *
 * @category types
 * @since 0.1.0
 */
export const FoldFingerprint = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{64}$/, { expected: "64 hexadecimal digits in lower case" })
).pipe(Schema.brand("FoldFingerprint"))

/**
 * @category types
 * @since 0.1.0
 */
export type FoldFingerprint = typeof FoldFingerprint.Type

/**
 * The fold has no fingerprint: its events can't be generated, or its state has no JSON form.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoFoldFingerprint extends Data.TaggedError("NoFoldFingerprint")<{
  readonly category: string
  readonly cause: unknown
}> {
  override get message() {
    return `The fold of ${this.category} has no fingerprint: ${rootMessage(this.cause)}`
  }
}

/**
 * Computes the fingerprint of an aggregate's fold.
 *
 * **Details**
 * Takes about a tenth of a second, once per process and aggregate: the result never changes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Command, State, Event, Rejection>(
  aggregate: Aggregate<Command, State, Event, Rejection>
): Effect.Effect<FoldFingerprint, NoFoldFingerprint, Digest.Digest> =>
  Effect.gen(function* () {
    const before = known.get(aggregate)
    if (before !== undefined) return before
    const digest = yield* Digest.Digest
    const lines = [
      describeSchema(aggregate.state),
      ...(yield* decodings(aggregate.codec)),
      ...(yield* histories(aggregate))
    ]
    const text = new TextEncoder().encode(lines.join("\n"))
    const fingerprint = FoldFingerprint.make(yield* digest.digestHex(Digest.sha256, text))
    known.set(aggregate, fingerprint)
    return fingerprint
  }).pipe(
    // A schema that can't be described throws; the defect is the reason.
    Effect.catchDefect(Effect.fail),
    Effect.mapError((cause) => new NoFoldFingerprint({ category: aggregate.category, cause })),
    Effect.withSpan("FoldFingerprint.make", {
      attributes: { "daybook.category": aggregate.category }
    })
  )

const known = new WeakMap<object, FoldFingerprint>()

/** The number of histories that are folded, without and with edge cases, and of events in each. */
const HISTORIES = 192
const SPECIAL_HISTORIES = 64
const EVENTS = 16

/** The number of events that are tried until one changes the state. */
const TRIES = 4

/** Returns a line for the state after each event of each history. */
const histories = Effect.fnUntraced(function* <Command, State, Event, Rejection>({
  codec,
  decider,
  state
}: Aggregate<Command, State, Event, Rejection>) {
  const plain = yield* Corpus.makeDraw({ edges: false })
  const special = yield* Corpus.makeDraw({ edges: true })
  const kinds = yield* Effect.forEach(Corpus.members(codec.events), (member) =>
    Corpus.generator(member, codec.name)
  )
  const encode = Schema.encodeUnknownResult(Schema.toCodecJson(state))
  const lines = [lineOf(encode(decider.initialState))]
  for (let history = 0; history < HISTORIES + SPECIAL_HISTORIES; history++) {
    const draw = history < HISTORIES ? plain : special
    // Leaving out some events at first lets a history reach states that those events would prevent:
    // an order that is cancelled early never ships.
    const early = kinds.filter(() => draw(3) > 0)
    let current = decider.initialState
    let line = lineOf(encode(current))
    for (let n = 0; n < EVENTS; n++) {
      const present = n < EVENTS / 2 && Arr.isReadonlyArrayNonEmpty(early) ? early : kinds
      // Most events have no effect in most states, such as the removal of an absent item.
      for (let tried = 0; tried < TRIES; tried++) {
        const generate = Arr.getUnsafe(present, draw(present.length))
        const event = generate(draw)
        const next = Result.try(() => decider.evolve(current, event))
        const encoded = Result.flatMap(next, encode)
        const lineAfter = lineOf(encoded)
        lines.push(lineAfter)
        if (lineAfter === line) continue
        // A state that its schema refuses, such as too large a sum, is a dead end: all further
        // states would fail too.
        if (Result.isSuccess(next) && Result.isSuccess(encoded)) {
          current = next.success
          line = lineAfter
        }
        break
      }
    }
  }
  return lines
})
