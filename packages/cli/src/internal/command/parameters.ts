/**
 * Flags and arguments that several commands have.
 */
import * as Position from "@daybook/kernel/Position"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"

/** Text that is a position in decimal. */
const PositionFromString = Schema.String.check(
  Schema.isPattern(/^\d{1,19}$/, { expected: "a position: a whole number" })
).pipe(
  Schema.decodeTo(
    Position.Position,
    SchemaTransformation.transform({ decode: (text) => BigInt(text), encode: String })
  )
)

/** An instant, such as 2026-11-30T15:00:00Z; without a zone it is in UTC. */
export const instant = (name: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar("TIME"),
    Flag.filterMap(
      (text) => Option.map(DateTime.make(text), DateTime.toUtc),
      (text) => `${text} is not a time: write one such as 2026-11-30T15:00:00Z, or 2026-11-30`
    )
  )

export const position = (name: string) =>
  Flag.String(name).pipe(Flag.withMetavar("POSITION"), Flag.withSchema(PositionFromString))

export const streamId = Argument.String("STREAM").pipe(
  Argument.withDescription("The id of a stream, such as order-42"),
  Argument.withSchema(StreamId.StreamId)
)

export const categories = Flag.String("category").pipe(
  Flag.withDescription("Only events of this category; may be repeated"),
  Flag.withSchema(StreamId.Category),
  Flag.atLeast(0)
)

export const types = Flag.String("type").pipe(
  Flag.withDescription("Only events of this type; may be repeated"),
  Flag.atLeast(0)
)

export const limit = Flag.Int("limit").pipe(
  Flag.withDescription("At most so many"),
  Flag.withSchema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))),
  Flag.optional
)

/** The circumstances of an administrative act, which is recorded with them. */
export const why = {
  actor: Flag.String("actor").pipe(
    Flag.withDescription("The person or program that wants it, recorded with the act"),
    Flag.optional
  ),
  reason: Flag.String("reason").pipe(
    Flag.withDescription("The reason, recorded with the act"),
    Flag.optional
  )
}

export const whyOf = (flags: {
  readonly actor: Option.Option<string>
  readonly reason: Option.Option<string>
}): { readonly actor?: string; readonly reason?: string } => ({
  ...Option.match(flags.actor, { onNone: () => ({}), onSome: (actor) => ({ actor }) }),
  ...Option.match(flags.reason, { onNone: () => ({}), onSome: (reason) => ({ reason }) })
})
