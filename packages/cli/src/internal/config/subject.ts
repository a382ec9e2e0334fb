/**
 * An aggregate of any types as a fold from recorded events to JSON.
 */
import type { Aggregate } from "@daybook/kernel/Aggregate"
import * as EventCodec from "@daybook/kernel/EventCodec"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Category } from "@daybook/kernel/StreamId"
import * as FoldFingerprint from "@daybook/store/FoldFingerprint"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { AnyAggregate } from "../../DaybookConfig.ts"

/** The state could not be folded or written, at the event with this revision. */
export interface FoldFault {
  readonly revision: number
  readonly issue: string
}

export interface Subject {
  readonly category: Category
  readonly initial: unknown
  readonly evolve: (state: unknown, recorded: RecordedEvent) => Result.Result<unknown, FoldFault>
  /** Returns the JSON forms of the events of today that a recorded event stands for. */
  readonly today: (recorded: RecordedEvent) => Result.Result<ReadonlyArray<Schema.Json>, string>
  readonly encode: (state: unknown) => Result.Result<Schema.Json, string>
  readonly fingerprint: ReturnType<typeof FoldFingerprint.make>
}

export const make = (given: AnyAggregate): Subject => {
  // What a list of different aggregates can't say in a type, `Aggregate.make` has checked.
  const aggregate = given as unknown as Aggregate<unknown, unknown, unknown, unknown>
  const { category, codec, decider } = aggregate
  const encode = Schema.encodeUnknownResult(Schema.toCodecJson(aggregate.state))
  const encodeEvent = Schema.encodeUnknownResult(Schema.toCodecJson(codec.events))
  return {
    category,
    initial: decider.initialState,
    evolve: (state, recorded) =>
      Result.flatMap(
        Result.mapError(EventCodec.decodeRecorded(codec, recorded), ({ problem }) => ({
          revision: recorded.revision,
          issue: problem
        })),
        (events) =>
          Result.try({
            try: () => events.reduce(decider.evolve, state),
            catch: (thrown): FoldFault => ({
              revision: recorded.revision,
              issue: `evolve threw ${String(thrown)}`
            })
          })
      ),
    today: (recorded) =>
      Result.flatMap(Result.mapError(codec.decode(recorded), EventCodec.problemOf), (events) =>
        Result.all(
          events.map((event) => Result.mapError(encodeEvent(event), ({ message }) => message))
        )
      ),
    encode: (state) => Result.mapError(encode(state), ({ message }) => message),
    fingerprint: FoldFingerprint.make(aggregate)
  }
}
