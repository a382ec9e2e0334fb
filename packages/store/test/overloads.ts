/**
 * Overloads in `public`, as a stranger who may make functions there would put them: of the
 * functions and operators that Daybook's SQL names, for types that PostgreSQL's own take only by a
 * conversion. They are the better match wherever `public` is searched.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { globSync, readFileSync } from "node:fs"

const SCALARS = (
  'text name varchar "char" bigint integer smallint oid numeric regclass regrole regprocedure ' +
  "regnamespace uuid json jsonb boolean timestamptz timestamp interval float8"
).split(" ")

const ARRAYS = "text name bigint integer smallint oid uuid json boolean timestamptz float8 aclitem"
  .split(" ")
  .map((type) => `${type}[]`)

/** Returns the types that a caller may pass where a function of PostgreSQL takes this type. */
const instead = (type: string): ReadonlyArray<string> => {
  if (/^any(compatible)?array$/.test(type)) return ARRAYS
  if (/^("any"|any|anyelement|anynonarray|anycompatible|anycompatiblenonarray)$/.test(type)) {
    return [...SCALARS, ...ARRAYS]
  }
  if (type === "text") return ["text", "name", "varchar", "regclass", "regprocedure"]
  if (type === "oid") return ["oid", "regclass", "regrole", "regprocedure", "integer"]
  if (type === "bigint") return ["bigint", "integer", "smallint"]
  // An untyped literal prefers a parameter of type text to any other.
  return [type, "text"]
}

/** Aggregates, with the types of their arguments after the first. */
const AGGREGATES: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
  ...[
    "array_agg",
    "json_agg",
    "jsonb_agg",
    "count",
    "sum",
    "max",
    "min",
    "avg",
    "bool_and",
    "bool_or",
    "every"
  ].map((name) => [name, []] as const),
  ["string_agg", ["text"]],
  ["string_agg", ["name"]]
]

const MAX_ARGUMENTS = 3
const MAX_OVERLOADS = 200

const combinations = (types: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> =>
  types.reduce<ReadonlyArray<ReadonlyArray<string>>>(
    (all, type) => all.flatMap((some) => instead(type).map((one) => [...some, one])),
    [[]]
  )

/**
 * Returns names that stand before a parenthesis somewhere in the SQL of the sources, and many that
 * don't.
 */
const named = (): ReadonlyArray<string> => {
  const root = new URL("../..", import.meta.url).pathname
  const files = ["store", "projections"].flatMap((name) =>
    globSync(`${root}${name}/src/**/*.ts`).map((file) => readFileSync(file, "utf8"))
  )
  const names = files.flatMap((text) => Array.from(text.matchAll(/\b([a-z_]+)\(/g), (m) => m[1]))
  return [...new Set(names.filter((name) => name !== undefined))]
}

const tells = `LANGUAGE plpgsql AS 'BEGIN
  PERFORM pg_catalog.nextval(''public.overloads_called'');
  RAISE EXCEPTION ''called as %'', current_user;
END'`

/**
 * Makes the overloads, as a user who may create in `public`, and returns how many it tried to make.
 */
export const makeOverloads = Effect.fnUntraced(function* (sql: SqlClient) {
  const found = yield* sql<{ readonly name: string; readonly types: ReadonlyArray<string> }>`
    SELECT p.proname::text AS name, p.provariadic <> 0 AS variadic, array(
        SELECT format_type(a.type, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY AS a(type, place)
        ORDER BY a.place) AS types
    FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.pronargs > 0
      AND ${sql.in("p.proname", named())}`.unprepared
  const functions = new Set<string>()
  const aggregates = AGGREGATES.flatMap(([name, more]) =>
    [...SCALARS, ...ARRAYS].flatMap((type) => {
      const types = [type, ...more].join(", ")
      const step = `public.overloads_step(text, ${types})`
      return [
        `CREATE FUNCTION ${step} RETURNS text ${tells}`,
        `CREATE AGGREGATE public.${name}(${types}) (SFUNC = public.overloads_step, STYPE = text)`
      ]
    })
  )
  for (const { name, types } of found) {
    // PostgreSQL reports only the last argument's type for a variadic function.
    const lists = types.at(-1) === '"any"' ? [types, [...types, '"any"']] : [types]
    for (const list of lists.filter(({ length }) => length <= MAX_ARGUMENTS)) {
      for (const some of combinations(list).slice(0, MAX_OVERLOADS)) {
        functions.add(`CREATE FUNCTION public."${name}"(${some.join(", ")}) RETURNS text ${tells}`)
      }
    }
  }
  // The types of columns in a catalog or a log.
  const types = SCALARS.filter((type) => !/varchar|json|interval|timestamp$|boolean/.test(type))
  const operators = ["=", "<>", "<", ">", "<=", ">=", "||", "+", "-", "*"].flatMap((operator) =>
    types.flatMap((left) =>
      types.map(
        (right) =>
          `CREATE OPERATOR public.${operator} (LEFTARG = ${left}, RIGHTARG = ${right}, FUNCTION = public.overloaded)`
      )
    )
  )
  // PostgreSQL first looks for an operator whose two sides have one type, if one is a literal.
  const ofJson = ["json", "jsonb"].flatMap((type) => [
    `CREATE FUNCTION public.overloaded(${type}, ${type}) RETURNS text ${tells}`,
    ...["->", "->>", "#>", "#>>", "||", "-"].map(
      (operator) =>
        `CREATE OPERATOR public.${operator} (LEFTARG = ${type}, RIGHTARG = ${type}, FUNCTION = public.overloaded)`
    )
  ])
  const behindOperators = types.flatMap((left) =>
    types.map(
      (right) => `CREATE FUNCTION public.overloaded(${left}, ${right}) RETURNS boolean ${tells}`
    )
  )
  yield* sql.unsafe("CREATE SEQUENCE public.overloads_called").unprepared
  yield* sql.unsafe("GRANT ALL ON SEQUENCE public.overloads_called TO PUBLIC").unprepared
  const statements = [...aggregates, ...functions, ...behindOperators, ...operators, ...ofJson]
  // Some types of arguments are PostgreSQL's own, and other roles can't make functions of them.
  yield* sql.unsafe(
    `DO $do$ DECLARE statement text; BEGIN
      FOREACH statement IN ARRAY ARRAY[${statements.map((each) => `$s$${each}$s$`).join(",\n")}] LOOP
        BEGIN EXECUTE statement;
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
      END LOOP;
    END $do$`
  ).unprepared
  return statements.length
})

/**
 * Returns true if one of them was called, by any role, even in a transaction that was rolled back.
 */
export const overloadsCalled = (sql: SqlClient) =>
  sql`SELECT is_called AS called FROM public.overloads_called`.unprepared
