/**
 * Reads the generations of read models in PostgreSQL.
 */
import type { Listed } from "@daybook/kernel/Listed"
import type { EventMark } from "@daybook/kernel/EventMark"
import type { LogId } from "@daybook/kernel/LogId"
import type * as Projection from "@daybook/kernel/Projection"
import type { Position } from "@daybook/kernel/Position"
import type { SchemaName } from "@daybook/store/PostgresSchema"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { type GenerationState, Poison, recordedPoison } from "../../ReadModelGeneration.ts"
import { quoted } from "./columns.ts"

interface StateRow {
  readonly name: string
  readonly generation: number
  readonly version: number
  readonly role: GenerationState["role"]
  readonly mode: GenerationState["mode"]
  readonly paused: boolean
  readonly poison: Schema.Json | null
  readonly owner: string | null
  readonly log: LogId | null
  readonly left_behind: Listed
  readonly checkpoints: ReadonlyArray<bigint>
  readonly anchors: ReadonlyArray<EventMark | null>
  readonly events: bigint
  readonly events_per_second: number
}

const poisonJson = Schema.toCodecJson(Poison)
const decodePoison = Schema.decodeUnknownEffect(poisonJson)
const encodePoison = Schema.encodeEffect(poisonJson)

/** Returns the stored form of a poison. */
export const poisonText = (poison: Poison): Effect.Effect<string> =>
  Effect.map(Effect.orDie(encodePoison(recordedPoison(poison))), (json) => JSON.stringify(json))

/** Reads all generations, those of a read model, or one of them; by name and generation. */
export const states = (
  sql: SqlClient,
  schema: SchemaName,
  only: { readonly name?: string | undefined; readonly generation?: number | undefined }
): Effect.Effect<ReadonlyArray<GenerationState>, SqlError> =>
  Effect.flatMap(
    sql.unsafe<StateRow>(
      `SELECT g.name, g.generation, g.version, g.role, g.mode, g.paused, g.poison, g.left_behind,
        CASE WHEN greatest(g.lease_ends, c.lease_ends) > clock_timestamp() THEN g.owner END AS owner,
        g.log::text AS log, c.checkpoints, c.anchors, c.events, c.events_per_second
      FROM ${quoted(schema)}.daybook__generations g
      CROSS JOIN LATERAL (
        SELECT pg_catalog.array_agg(c."position" ORDER BY c.partition) AS checkpoints,
          pg_catalog.array_agg(c.event ORDER BY c.partition) AS anchors,
          max(c.lease_ends) AS lease_ends, sum(c.events)::bigint AS events,
          max(c.events_per_second) AS events_per_second
        FROM ${quoted(schema)}.daybook__checkpoints c
        WHERE c.name = g.name AND c.generation = g.generation
      ) c
      WHERE ($1::text IS NULL OR g.name = $1) AND ($2::integer IS NULL OR g.generation = $2)
      ORDER BY g.name, g.generation`,
      [PgTypes.text(only.name ?? null), PgTypes.int4(only.generation ?? null)]
    ),
    Effect.forEach((row) =>
      Effect.map(
        // A stored poison was encoded by this module.
        row.poison === null
          ? Effect.succeedNone
          : Effect.asSome(Effect.orDie(decodePoison(row.poison))),
        (poison): GenerationState => ({
          name: row.name as Projection.Name,
          generation: row.generation,
          version: row.version as Projection.Version,
          log: Option.fromNullOr(row.log),
          role: row.role,
          mode: row.mode,
          checkpoints: row.checkpoints as ReadonlyArray<Position>,
          anchors: row.anchors,
          owner: Option.fromNullOr(row.owner),
          paused: row.paused,
          poison,
          leftBehind: row.left_behind,
          events: Number(row.events),
          eventsPerSecond: row.events_per_second
        })
      )
    )
  )

/** Reads a generation that must exist. */
export const state = (
  sql: SqlClient,
  schema: SchemaName,
  name: string,
  generation: number
): Effect.Effect<GenerationState, SqlError> =>
  Effect.flatMap(states(sql, schema, { name, generation }), ([found]) =>
    found === undefined
      ? Effect.die(new Error(`${name} has no generation ${generation}`))
      : Effect.succeed(found)
  )
