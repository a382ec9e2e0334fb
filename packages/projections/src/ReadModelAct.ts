/**
 * The record of administrative acts on read models, with actor and reason.
 *
 * @since 0.1.0
 */
import type * as Named from "@daybook/kernel/Named"
import * as Projection from "@daybook/kernel/Projection"
import * as Schema from "effect/Schema"
import { textIssue } from "./internal/fold/rowCodec.ts"

const text = (most: number) =>
  Schema.String.check(
    Schema.isPattern(/\S/, { expected: "text that is not blank" }),
    Schema.isMaxLength(most),
    Schema.makeFilter((value) => textIssue(value) ?? true)
  )

/**
 * The actor and the reason of an act.
 *
 * @category types
 * @since 0.1.0
 */
export const Why = Schema.Struct({
  /**
   * The person or program that wants the act, as the host knows them, at most 200 UTF-16 code
   * units; the database adds the login that did it.
   */
  actor: Schema.optionalKey(text(200)),
  /** The reason, at most 1,000 UTF-16 code units. */
  reason: Schema.optionalKey(text(1_000))
})

/**
 * @category types
 * @since 0.1.0
 */
export type Why = Named.Struct<typeof Why>

/**
 * An administrative act on a read model.
 *
 * @category types
 * @since 0.1.0
 */
export const Act = Schema.Struct({
  name: Projection.Name,
  /**
   * The kind. `rebuild`: a rebuild was begun; `switch`: another generation serves; `differ`: a
   * rebuild ended without a switch, since rows differ.
   */
  act: Schema.Literals(["pause", "resume", "skip", "rebuild", "switch", "differ", "drop"]),
  at: Schema.DateTimeUtc,
  /** The database user who did it; none in memory. */
  login: Schema.Option(Schema.String),
  actor: Schema.Option(Schema.String),
  reason: Schema.Option(Schema.String),
  /** Facts such as generations and positions, and no rows. */
  details: Schema.Record(Schema.String, Schema.Json)
})

/**
 * @category types
 * @since 0.1.0
 */
export type Act = Named.Struct<typeof Act>
