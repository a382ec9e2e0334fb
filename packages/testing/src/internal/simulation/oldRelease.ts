/**
 * The release before the simulated one: it knows fewer types of events, and runs beside the newer
 * one during a deploy.
 */
import type * as Aggregate from "@daybook/kernel/Aggregate"
import { type DecodeErrorReason, EventEncodeError } from "@daybook/kernel/EventCodec"
import type * as Projection from "@daybook/kernel/Projection"
import type { Category } from "@daybook/kernel/StreamId"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type { Dice } from "./dice.ts"

export interface OldRelease<Command, State, Event, Rejection> {
  readonly aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>
  readonly projection: (projection: Projection.Any) => Projection.Any
}

/** The errors of the old release for types that it does not know. */
export const FAILURES = ["EventDecodeError", "EventEncodeError"]

export const make = <Command, State, Event, Rejection>(
  aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
  dice: Dice
): OldRelease<Command, State, Event, Rejection> => {
  const newer = dice.pick(aggregate.codec.types)
  // It was made of this very aggregate.
  type Made = Map<string, OldRelease<Command, State, Event, Rejection>>
  const releases = (made.get(aggregate) ?? new Map()) as Made
  made.set(aggregate, releases)
  const release = releases.get(newer) ?? without(aggregate, newer)
  releases.set(newer, release)
  return release
}

/**
 * Values derived of an aggregate, a fold or a table, made once in a process: making them takes
 * longer than a history.
 */
const made = new WeakMap<object, unknown>()

const without = <Command, State, Event, Rejection>(
  aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
  newer: string
): OldRelease<Command, State, Event, Rejection> => {
  const { category, codec } = aggregate
  const isNewer = (type: string) => type === newer
  const refused: Result.Result<never, DecodeErrorReason> = Result.fail({
    _tag: "UnknownType",
    known: codec.types.filter((type) => type !== newer)
  })
  const projections = new WeakMap<Projection.Any, Projection.Any>()
  return {
    aggregate: {
      ...aggregate,
      codec: {
        ...codec,
        encode: (event) =>
          Predicate.hasProperty(event, "_tag") && event._tag === newer
            ? Result.fail(
                new EventEncodeError({
                  codec: codec.name,
                  type: newer,
                  issue: "of a later release"
                })
              )
            : codec.encode(event),
        decode: (stored) => (isNewer(stored.type) ? refused : codec.decode(stored))
      }
    },
    projection: (projection) => {
      const known = projections.get(projection)
      if (known !== undefined) return known
      const old: Projection.Any = {
        ...projection,
        from: projection.from.map((source) =>
          source.category === category ? sourceWithout(source, isNewer, refused) : source
        ),
        keys: (event, recorded) => projection.keys(event, recorded),
        apply: (row, event, applied) => projection.apply(row, event, applied)
      }
      projections.set(projection, old)
      return old
    }
  }
}

type Source = Projection.Any["from"][number]

const sourceWithout = (
  source: Source,
  isNewer: (type: string) => boolean,
  refused: Result.Result<never, DecodeErrorReason>
): Source => ({
  category: source.category satisfies Category,
  codec: {
    name: source.codec.name,
    // A host detects by the versions that another host runs other code.
    versions: (source.codec.versions ?? []).filter(({ names }) => !names.some(isNewer)),
    decode: (stored) => (isNewer(stored.type) ? refused : source.codec.decode(stored))
  }
})
