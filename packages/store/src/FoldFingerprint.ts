/**
 * A hash that changes when a fold does, so that states which an older fold left are not taken for its
 * own.
 *
 * It covers the state's schema, and what the codec and `evolve` do to a fixed corpus of generated events
 * and histories. So it changes with the shape of the state, and when the same events lead to other
 * states. It stays the same, in every process and on every machine, when symbols are renamed, fields
 * are reordered or code is rewritten that does the same.
 *
 * Of every schema version the codec decodes generated data as it is, without its optional fields, and
 * broken; and data of unknown types and of versions to come. Fields have few values, so that events meet,
 * and among them 0, 1, empty and padded text, and the bounds of their checks.
 *
 * What the corpus does not reach, it can't tell: a change that shows only for one other text or number
 * among all. `effect` generates the corpus, so that a new version of it may change every fingerprint.
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
import { lineOf } from "./internal/start/lineOf.ts"
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
 * The fold can't be told from others: its events can't be generated, or its state has no JSON.
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
 * The fingerprint of an aggregate's fold.
 *
 * **Details**
 * Takes about a tenth of a second, once in a process for each aggregate: nothing of it changes.
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
    // A schema that can't be described throws, and whatever it throws is the reason.
    Effect.catchDefect(Effect.fail),
    Effect.mapError((cause) => new NoFoldFingerprint({ category: aggregate.category, cause })),
    Effect.withSpan("FoldFingerprint.make", {
      attributes: { "daybook.category": aggregate.category }
    })
  )

const known = new WeakMap<object, FoldFingerprint>()

/** How many histories are folded, without edges and with, and how many events each has. */
const HISTORIES = 192
const SPECIAL_HISTORIES = 64
const EVENTS = 16

/** How many events are tried until one changes the state. */
const TRIES = 4

/** The states after each event of each history. */
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
    // Without some of the events at first, a history gets to states that those would have ended: what is
    // cancelled early never ships.
    const early = kinds.filter(() => draw(3) > 0)
    let current = decider.initialState
    let line = lineOf(encode(current))
    for (let n = 0; n < EVENTS; n++) {
      const present = n < EVENTS / 2 && Arr.isReadonlyArrayNonEmpty(early) ? early : kinds
      // Most events mean nothing in most states, such as the removal of what is not there.
      for (let tried = 0; tried < TRIES; tried++) {
        const generate = Arr.getUnsafe(present, draw(present.length))
        const event = generate(draw)
        const next = Result.try(() => decider.evolve(current, event))
        const encoded = Result.flatMap(next, encode)
        const lineAfter = lineOf(encoded)
        lines.push(lineAfter)
        if (lineAfter === line) continue
        // A state that its schema refuses, such as too large a sum, leads nowhere: all that follow fail.
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
