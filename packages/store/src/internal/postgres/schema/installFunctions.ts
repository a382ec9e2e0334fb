/**
 * The functions of a log: their current texts, and their installation.
 *
 * Tables migrate, functions are replaced. Each function has a comment in the database that names
 * the release of the functions and a hash of its text.
 */
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { APPENDING, KEEPING, READING, RECORDING } from "./openFunctions.ts"
import { asOwner } from "../partitions/partitions.ts"
import type { SchemaName } from "../../../PostgresSchema.ts"
import { announceAppend } from "./functions/announceAppend.ts"
import { announceLower } from "./functions/announceLower.ts"
import { append } from "./functions/append.ts"
import { tryAppend } from "./functions/tryAppend.ts"
import { tryAppendEvent } from "./functions/tryAppendEvent.ts"
import { checkEvent } from "./functions/checkEvent.ts"
import { foreignCode } from "./functions/foreignCode.ts"
import { checkAppend } from "./functions/checkAppend.ts"
import { lockReadModels } from "./functions/lockReadModels.ts"
import { lookAtLog } from "./functions/lookAtLog.ts"
import { newestAppend } from "./functions/newestAppend.ts"
import { positionAt } from "./functions/positionAt.ts"
import { recordAct } from "./functions/recordAct.ts"
import { recordIds } from "./functions/recordIds.ts"
import { refuseChange, refuseChangeOfActs } from "./functions/refuseChange.ts"
import { settledPosition } from "./functions/settledPosition.ts"

/**
 * The release of the functions, raised by one with each released change of a text.
 *
 * A host of an earlier release that starts beside a newer one leaves the newer functions in place.
 * A released function never changes its result: `CREATE OR REPLACE` can't, and hosts of both
 * releases would call it. A further result takes a function of another name.
 */
export const RELEASE = 1

/**
 * The texts by the functions' names, ordered so that PostgreSQL finds the functions that each one
 * needs when it is made.
 */
export const FUNCTIONS: Readonly<Record<string, (log: string) => string>> = {
  check_event: checkEvent,
  refuse_change: refuseChange,
  refuse_change_of_acts: refuseChangeOfActs,
  record_ids: recordIds,
  newest_append: newestAppend,
  announce_lower: announceLower,
  announce_append: announceAppend,
  check_append: checkAppend,
  append,
  try_append: tryAppend,
  try_append_event: tryAppendEvent,
  settled_position: settledPosition,
  look_at_log: lookAtLog,
  position_at: positionAt,
  record_act: recordAct,
  foreign_code: foreignCode,
  lock_read_models: lockReadModels
}

/** A function in the database. */
interface Installed {
  readonly name: string
  readonly body: string
  /** True if it runs with its owner's rights. */
  readonly definer: boolean
  /** The settings that it runs with, such as `jit=off`, in order. */
  readonly settings: ReadonlyArray<string>
  /** The release in its comment; null if the comment is not ours. */
  readonly release: number | null
  /** The hash in its comment; null if the comment is not ours. */
  readonly hash: string | null
}

/**
 * Replaces the functions that differ from the texts of this code, in the caller's transaction and
 * turn, and returns their names.
 *
 * It replaces none if one of them is of a later release. Existing grants stay; the roles that may
 * call a function of the same use may call a new one.
 */
export const install = (
  sql: SqlClient,
  schema: SchemaName
): Effect.Effect<ReadonlyArray<string>, SqlError> =>
  asOwner(
    sql,
    schema,
    Effect.gen(function* () {
      const installed = new Map((yield* lookUp(sql, schema)).map((found) => [found.name, found]))
      const replaced = outdated(`"${schema}"`, installed)
      for (const name of replaced) {
        const text = FUNCTIONS[name]?.(`"${schema}"`) ?? ""
        yield* sql.unsafe(text)
        yield* sql.unsafe(
          `COMMENT ON FUNCTION "${schema}".${name}(${argumentsOf(text)}) IS '${comment(text)}'`
        )
        if (!installed.has(name)) yield* open(sql, schema, name, argumentsOf(text))
      }
      return replaced
    })
  )

/**
 * The names of the functions that differ from this code; none if one of them is of a later release.
 */
export const outdated = (
  log: string,
  installed: ReadonlyMap<string, Omit<Installed, "name">>
): ReadonlyArray<string> => {
  for (const { release } of installed.values()) {
    if (release !== null && release > RELEASE) return []
  }
  return Object.entries(FUNCTIONS).flatMap(([name, textOf]) => {
    const text = textOf(log)
    const found = installed.get(name)
    return found !== undefined &&
      found.release === RELEASE &&
      found.hash === hashOf(text) &&
      found.body === bodyOf(text) &&
      // ALTER FUNCTION changes these, and leaves comment and body.
      found.definer === headOf(text).includes("SECURITY DEFINER") &&
      found.settings.join("; ") === settingsOf(text).join("; ")
      ? []
      : [name]
  })
}

/**
 * Returns the database's name and the names of the functions that differ from this code; any role
 * may look.
 */
export const look = Effect.fnUntraced(function* (sql: SqlClient, schema: SchemaName) {
  const found = yield* lookUp(sql, schema)
  const [row] = yield* sql<{ readonly database: string }>`
    SELECT current_database()::text AS database`.unprepared
  const installed = new Map(found.map((one) => [one.name, one]))
  return { database: row?.database ?? "", functions: outdated(`"${schema}"`, installed) }
})

const lookUp = (
  sql: SqlClient,
  schema: SchemaName
): Effect.Effect<ReadonlyArray<Installed>, SqlError> =>
  Effect.map(
    sql<Installed & { readonly identity: string }>`
  SELECT p.proname::text AS name, p.prosrc AS body, p.prosecdef AS definer,
    ARRAY(SELECT s.set FROM pg_catalog.unnest(p.proconfig) AS s(set) ORDER BY s.set COLLATE "C") AS settings,
    pg_catalog.pg_get_function_identity_arguments(p.oid) AS identity, m.parts[1]::integer AS release, m.parts[2] AS hash
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  LEFT JOIN LATERAL pg_catalog.regexp_match(pg_catalog.obj_description(p.oid, 'pg_proc'::pg_catalog.name), '^Daybook, release ([0-9]{1,9}), ([0-9a-f]{64})$')
    AS m(parts) ON true
  WHERE n.nspname = ${schema} AND ${sql.in("p.proname", Object.keys(FUNCTIONS))}`.unprepared,
    // An overload by the owner has the same name and other arguments.
    (found) =>
      found.filter(
        ({ identity, name }) =>
          unquoted(identity) === unquoted(argumentsOf(FUNCTIONS[name]?.(`"${schema}"`) ?? ""))
      )
  )

const comment = (text: string) => `Daybook, release ${RELEASE}, ${hashOf(text)}`

const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex")

/** The part before the body, without comments. */
const headOf = (text: string): string => text.slice(0, text.indexOf("$$")).replaceAll(/--.*$/gm, "")

/** PostgreSQL quotes names by need, or all of them if a session says so. */
const unquoted = (names: string): string => names.replaceAll('"', "")

/** The arguments as PostgreSQL writes them when it names the function. */
const argumentsOf = (text: string): string =>
  (/\(([^)]*)\)/.exec(headOf(text))?.[1] ?? "")
    .replaceAll(/\s+/g, " ")
    .trim()
    .replaceAll("timestamptz", "timestamp with time zone")

const settingsOf = (text: string): ReadonlyArray<string> =>
  Array.from(
    headOf(text).matchAll(/\bSET (\w+) = (?:'([^']*)'|(\w+(?:, \w+)*))/g),
    ([, name, quoted, plain]) => `${name}=${quoted ?? plain}`
  ).toSorted()

/** The part between the quotes, which the catalog stores. */
const bodyOf = (text: string): string => text.slice(text.indexOf("$$") + 2, text.lastIndexOf("$$"))

/**
 * Revokes the right to call a new function that PostgreSQL grants to PUBLIC, and grants it to the
 * roles that may call the other functions of its use.
 */
const open = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  name: string,
  given: string
) {
  const named = `"${schema}".${name}(${given})`
  yield* sql.unsafe(`REVOKE ALL ON FUNCTION ${named} FROM PUBLIC`)
  const [first] = USES.find((use) => use.includes(name)) ?? []
  if (first === undefined) return
  const grants = yield* sql<{ readonly statement: string }>`
    SELECT DISTINCT format('GRANT EXECUTE ON FUNCTION ${sql.literal(named)} TO %I', r.rolname) AS statement
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace,
      aclexplode(p.proacl) a JOIN pg_roles r ON r.oid = a.grantee
    WHERE n.nspname = ${schema} AND p.proname = ${first} AND a.grantee <> p.proowner`
  yield* Effect.forEach(grants, ({ statement }) => sql.unsafe(statement), { discard: true })
})

/** The functions by use; the first of each use exists since the first release. */
const USES = [[...APPENDING, ...KEEPING], READING, RECORDING]
