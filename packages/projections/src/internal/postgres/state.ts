/**
 * The state of read models in PostgreSQL: read as the decider knows it, and written where it
 * changed.
 */
import type { EventMark } from "@daybook/kernel/EventMark"
import type { Listed } from "@daybook/kernel/Listed"
import type { LogId } from "@daybook/kernel/LogId"
import type { Position } from "@daybook/kernel/Position"
import type * as Projection from "@daybook/kernel/Projection"
import type { SchemaName } from "@daybook/store/PostgresSchema"
import * as PgTypes from "@daybook/store/sql/PgTypes"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { Poison } from "../../driver/ReadModelGeneration.ts"
import { empty, type Generation, type Progress, type State } from "../lifecycle/state.ts"
import { quoted } from "./columns.ts"

interface Row {
  readonly at: number
  readonly name: Projection.Name
  readonly generation: number
  readonly version: Projection.Version
  readonly description: ReadonlyArray<string>
  readonly role: Generation["role"]
  readonly mode: Generation["mode"]
  readonly paused: boolean
  readonly accepted: boolean
  readonly poison: Schema.Json | null
  readonly epoch: bigint
  readonly owner: string | null
  readonly lease_ends: number | null
  readonly log: LogId | null
  readonly left_behind: Listed
  readonly positions: readonly [bigint, ...ReadonlyArray<bigint>]
  readonly anchors: ReadonlyArray<EventMark | null>
  readonly events: ReadonlyArray<bigint>
  readonly rates: ReadonlyArray<number>
  readonly leases: ReadonlyArray<number | null>
}

/** A read model as it was at a time of the server's clock, in milliseconds since 1970. */
export interface Read {
  readonly state: State
  readonly at: number
}

const poisonJson = Schema.toCodecJson(Poison)
const decodePoison = Schema.decodeUnknownEffect(poisonJson)
const encodePoison = Schema.encodeEffect(poisonJson)

/** Selects a time in seconds since 1970. Operators could be overloaded by others, so none here. */
const seconds = (time: string) => `extract(epoch FROM ${time})::double precision`

const toMillis = (seconds: number | null): number => (seconds ?? 0) * 1_000

const generations = (schema: SchemaName) => `${quoted(schema)}.daybook__generations`

const checkpoints = (schema: SchemaName) => `${quoted(schema)}.daybook__checkpoints`

/** Reads the named read models, or all without a name; without the events that they skip. */
export const readAll = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  names: ReadonlyArray<Projection.Name>
): Effect.fn.Return<ReadonlyArray<Read>, SqlError> {
  const rows = yield* sql.unsafe<Row>(
    `SELECT ${seconds("pg_catalog.clock_timestamp()")} AS at, g.name, g.generation, g.version, g.description,
      g.role, g.mode, g.paused, g.accepted, g.poison, g.epoch, g.owner, ${seconds("g.lease_ends")} AS lease_ends,
      g.log::text AS log, g.left_behind, c.positions, c.anchors, c.events, c.rates, c.leases
    FROM ${generations(schema)} g
    CROSS JOIN LATERAL (
      SELECT pg_catalog.array_agg(c."position" ORDER BY c.partition) AS positions,
        pg_catalog.array_agg(c.event ORDER BY c.partition) AS anchors,
        pg_catalog.array_agg(c.events ORDER BY c.partition) AS events,
        pg_catalog.array_agg(c.events_per_second ORDER BY c.partition) AS rates,
        pg_catalog.array_agg(${seconds("c.lease_ends")} ORDER BY c.partition) AS leases
      FROM ${checkpoints(schema)} c WHERE c.name = g.name AND c.generation = g.generation
    ) c
    WHERE pg_catalog.cardinality($1::text[]) = 0 OR g.name = ANY ($1)
    ORDER BY g.name, g.generation`,
    [Result.getOrThrow(PgTypes.array(names, PgTypes.OID.text))]
  )
  const read = new Map<Projection.Name, Read>()
  for (const row of rows) {
    const known = read.get(row.name)?.state ?? empty(row.name)
    const generation = yield* generationOf(row)
    read.set(row.name, {
      at: toMillis(row.at),
      state: {
        ...known,
        paused: known.paused || row.paused,
        generations: [...known.generations, generation]
      }
    })
  }
  return Array.from(read.values())
})

/** Reads a read model, which may not exist; without the events that it skips. */
export const read = (
  sql: SqlClient,
  schema: SchemaName,
  name: Projection.Name
): Effect.Effect<Read, SqlError> =>
  Effect.map(readAll(sql, schema, [name]), ([found]) => found ?? { state: empty(name), at: 0 })

const generationOf = (row: Row): Effect.Effect<Generation> =>
  Effect.map(
    // A stored poison was encoded by this module.
    row.poison === null ? Effect.succeed(null) : Effect.orDie(decodePoison(row.poison)),
    (poison): Generation => ({
      number: row.generation,
      version: row.version,
      description: row.description,
      log: row.log,
      role: row.role,
      mode: row.mode,
      partitions: Arr.map(row.positions, (position, index): Progress => ({
        // The database stored it as a position, so the cast adds only the brand.
        position: position as Position,
        event: row.anchors[index] ?? null,
        events: Number(row.events[index] ?? 0n),
        eventsPerSecond: row.rates[index] ?? 0,
        leaseEnds: toMillis(row.leases[index] ?? null)
      })),
      epoch: Number(row.epoch),
      owner: row.owner,
      leaseEnds: toMillis(row.lease_ends),
      poison,
      accepted: row.accepted,
      leftBehind: row.left_behind
    })
  )

/** Draws an epoch that no claim has had, and reads the server's clock. */
export const draw = (
  sql: SqlClient,
  schema: SchemaName
): Effect.Effect<{ readonly nextEpoch: number; readonly at: number }, SqlError> =>
  Effect.map(
    sql.unsafe<{ readonly epoch: bigint; readonly at: number }>(
      `SELECT pg_catalog.nextval('${quoted(schema)}.daybook__epochs') AS epoch,
        ${seconds("pg_catalog.clock_timestamp()")} AS at`
    ),
    (rows) => {
      const { at, epoch } = Arr.getUnsafe(rows, 0)
      return { nextEpoch: Number(epoch), at: toMillis(at) }
    }
  )

/** Returns a time as the parameter of `to_timestamp`, which returns null for null. */
const timeOf = (millis: number) => PgTypes.float8(millis === 0 ? null : millis / 1_000)

/** Writes the generations and checkpoints that differ between two states of a read model. */
export const save = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  before: State,
  after: State
): Effect.fn.Return<void, SqlError> {
  const { name } = after
  const found = (state: State, number: number) =>
    state.generations.find((generation) => generation.number === number)
  for (const { number } of before.generations) {
    if (found(after, number) !== undefined) continue
    yield* sql.unsafe(`DELETE FROM ${generations(schema)} WHERE name = $1 AND generation = $2`, [
      PgTypes.text(name),
      PgTypes.int4(number)
    ])
  }
  // At no time do two generations serve, or two shadows of a version exist.
  const inOrder = [
    ...after.generations.filter(({ role }) => role === "retired"),
    ...after.generations.filter(({ role }) => role !== "retired")
  ]
  for (const generation of inOrder) {
    const known = found(before, generation.number)
    if (known === generation) continue
    yield* known === undefined
      ? insert(sql, schema, after, generation)
      : update(sql, schema, name, known, generation)
  }
  if (before.paused !== after.paused) {
    yield* sql.unsafe(`UPDATE ${generations(schema)} SET paused = $2 WHERE name = $1`, [
      PgTypes.text(name),
      PgTypes.bool(after.paused)
    ])
  }
})

const insert = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  { name, paused }: State,
  generation: Generation
): Effect.fn.Return<void, SqlError> {
  const { description, number, partitions, role, version } = generation
  const key = [PgTypes.text(name), PgTypes.int4(number)]
  yield* sql.unsafe(
    `INSERT INTO ${generations(schema)} (name, generation, version, role, description, paused)
    VALUES ($1, $2, $3, $4, $5, $6)`,
    [
      ...key,
      PgTypes.int4(version),
      PgTypes.text(role),
      Result.getOrThrow(PgTypes.array(description, PgTypes.OID.text)),
      PgTypes.bool(paused)
    ]
  )
  yield* sql.unsafe(
    `INSERT INTO ${checkpoints(schema)} (name, generation, partition)
    SELECT $1, $2, partition FROM pg_catalog.generate_series(0, $3::integer - 1) AS partition`,
    [...key, PgTypes.int4(partitions.length)]
  )
  // Its other columns, and those of its checkpoints, are as a new generation has them.
  yield* write(sql, schema, name, generation)
})

const update = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  name: Projection.Name,
  before: Generation,
  after: Generation
): Effect.fn.Return<void, SqlError> {
  yield* write(sql, schema, name, after)
  const key = [PgTypes.text(name), PgTypes.int4(after.number)]
  if (after.partitions.length < before.partitions.length) {
    yield* sql.unsafe(
      `DELETE FROM ${checkpoints(schema)} WHERE name = $1 AND generation = $2 AND partition >= $3`,
      [...key, PgTypes.int4(after.partitions.length)]
    )
  }
  for (const [partition, progress] of after.partitions.entries()) {
    if (progress === before.partitions[partition]) continue
    const { event, events, eventsPerSecond, leaseEnds, position } = progress
    yield* sql.unsafe(
      `UPDATE ${checkpoints(schema)} SET "position" = $4, event = $5::text, events = $6,
        events_per_second = $7, lease_ends = pg_catalog.to_timestamp($8)
      WHERE name = $1 AND generation = $2 AND partition = $3`,
      [
        ...key,
        PgTypes.int4(partition),
        PgTypes.int8(position),
        PgTypes.text(event),
        PgTypes.int8(BigInt(events)),
        PgTypes.float8(eventsPerSecond),
        timeOf(leaseEnds)
      ]
    )
  }
})

const write = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  name: Projection.Name,
  generation: Generation
): Effect.fn.Return<void, SqlError> {
  const { accepted, epoch, leaseEnds, leftBehind, log, mode, number, owner, role } = generation
  const poison =
    generation.poison && JSON.stringify(yield* Effect.orDie(encodePoison(generation.poison)))
  yield* sql.unsafe(
    `UPDATE ${generations(schema)} SET log = $3::text::uuid, role = $4, mode = $5, epoch = $6, owner = $7,
      lease_ends = pg_catalog.to_timestamp($8), poison = $9::text::json, accepted = $10, left_behind = $11::text::json
    WHERE name = $1 AND generation = $2`,
    [
      PgTypes.text(name),
      PgTypes.int4(number),
      PgTypes.text(log),
      PgTypes.text(role),
      PgTypes.text(mode),
      PgTypes.int8(BigInt(epoch)),
      PgTypes.text(owner),
      timeOf(leaseEnds),
      PgTypes.text(poison),
      PgTypes.bool(accepted),
      PgTypes.text(JSON.stringify(leftBehind))
    ]
  )
})

/** Ends all claims, whose holders are dead. */
export const releaseAll = (sql: SqlClient, schema: SchemaName): Effect.Effect<void, SqlError> =>
  Effect.andThen(
    sql.unsafe(
      `UPDATE ${generations(schema)} SET epoch = pg_catalog.nextval('${quoted(schema)}.daybook__epochs'),
        owner = NULL, lease_ends = NULL WHERE owner IS NOT NULL`
    ),
    Effect.asVoid(
      sql.unsafe(`UPDATE ${checkpoints(schema)} SET lease_ends = NULL WHERE lease_ends IS NOT NULL`)
    )
  )
