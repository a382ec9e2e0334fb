/**
 * What was done to read models on purpose, by whom and why: the record of administrative acts.
 *
 * @since 0.1.0
 */
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
 * Who wants it, and why.
 *
 * **Details**
 * `actor`: who it is for, as the host knows them, at most 200 UTF-16 code units; the database adds the login that did it.
 * `reason`: at most 1,000.
 *
 * @category types
 * @since 0.1.0
 */
export const Why = Schema.Struct({
  actor: Schema.optionalKey(text(200)),
  reason: Schema.optionalKey(text(1_000))
})

/**
 * @category types
 * @since 0.1.0
 */
export type Why = typeof Why.Type

/**
 * An act.
 *
 * **Details**
 * `rebuild`: it was begun; `switch`: another generation serves; `differ`: it did not come to that, since rows differ.
 * `login`: the user of the database who did it; none in memory. `details`: facts such as generations and positions, and no rows.
 *
 * @category types
 * @since 0.1.0
 */
export const Act = Schema.Struct({
  name: Projection.Name,
  act: Schema.Literals(["pause", "resume", "skip", "rebuild", "switch", "differ", "drop"]),
  at: Schema.DateTimeUtc,
  login: Schema.Option(Schema.String),
  actor: Schema.Option(Schema.String),
  reason: Schema.Option(Schema.String),
  details: Schema.Record(Schema.String, Schema.Json)
})

/**
 * @category types
 * @since 0.1.0
 */
export type Act = typeof Act.Type
