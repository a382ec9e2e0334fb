/**
 * A writer puts its own functions, operators and types before those that the functions of the log
 * mean.
 */
import type { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import { rootMessage } from "../src/internal/start/rootMessage.ts"
import { noteIn } from "./notes.ts"
import { Logins } from "./roleLogins.ts"

/**
 * Makes one for each function that the log's functions name, and for each operator on types that
 * they use; it reports the role that called it.
 */
const shadows = `DO $do$
DECLARE
  o record;
  tells constant text := $$LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''called as %'', current_user; END'$$;
BEGIN
  FOR o IN
    SELECT p.proname, pg_get_function_identity_arguments(p.oid) AS arguments,
        pg_get_function_result(p.oid) AS result
      FROM pg_proc p
      WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND EXISTS (
        SELECT FROM pg_proc d WHERE d.pronamespace = 'daybook'::regnamespace
          AND d.prosrc ~ ('\\m' || p.proname || '\\M'))
  LOOP
    BEGIN
      EXECUTE format('CREATE FUNCTION shadow.%I(%s) RETURNS %s %s', o.proname, o.arguments, o.result, tells);
    EXCEPTION WHEN OTHERS THEN NULL; -- Some types of arguments are PostgreSQL's own.
    END;
  END LOOP;
  FOR o IN
    SELECT p.oid, p.oprname, p.oprleft::regtype AS l, p.oprright::regtype AS r, p.oprresult::regtype AS result
      FROM pg_operator p
      WHERE p.oprnamespace = 'pg_catalog'::regnamespace AND p.oprkind = 'b'
        AND p.oprname IN ('=', '<>', '<', '>', '<=', '>=', '+', '-', '*', '/', '<<', '>>')
        AND p.oprleft IN ('bigint'::regtype, 'integer'::regtype, 'text'::regtype, 'uuid'::regtype, 'oid'::regtype, 'name'::regtype)
  LOOP
    EXECUTE format('CREATE FUNCTION shadow.operator_%s(%s, %s) RETURNS %s %s', o.oid, o.l, o.r, o.result, tells);
    EXECUTE format('CREATE OPERATOR shadow.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = shadow.operator_%s)',
      o.oprname, o.l, o.r, o.oid);
  END LOOP;
END $do$`

/**
 * Names of the log, and of types that it uses, in the writer's temporary schema, which is searched
 * first.
 */
const temporary = [
  "CREATE TEMPORARY TABLE events (position bigint)",
  "CREATE TEMPORARY SEQUENCE append_number",
  ...["pg_locks", "pg_database", "uuid", "timestamptz", "json", "regclass", "oid"].map(
    (name) => `CREATE TEMPORARY TABLE "${name}" (nothing integer)`
  )
]

layer(Logins.layer, { timeout: 60_000, excludeTestServices: true })("Shadows", (it) => {
  const made = Effect.gen(function* () {
    const { roles, superuser, writer } = yield* Logins
    yield* superuser`CREATE SCHEMA IF NOT EXISTS shadow`
    // A schema that its users may not use is left out of a search path.
    yield* superuser.unsafe("GRANT USAGE ON SCHEMA shadow TO PUBLIC")
    yield* superuser.unsafe(`GRANT CREATE ON SCHEMA shadow TO "${roles.writer}"`)
    yield* Effect.ignore(writer.unsafe(shadows))
    const [found] = yield* superuser`
      SELECT count(*)::integer AS count FROM pg_proc WHERE pronamespace = 'shadow'::regnamespace`
    assert.isAbove(Number(found?.["count"]), 100)
  })

  /** Returns the answer to a writer that has its shadows searched first. */
  const attack = <A>(
    sql: SqlClient,
    preparation: ReadonlyArray<string>,
    effect: Effect.Effect<A, Error>
  ) =>
    Effect.forEach(preparation, (statement) => sql.unsafe(statement)).pipe(
      Effect.andThen(
        Effect.match(effect, { onFailure: rootMessage, onSuccess: () => "nothing was shadowed" })
      ),
      // Rolled back, so that the session is as before.
      Effect.flatMap(Effect.fail),
      sql.withTransaction,
      Effect.flip
    )

  /** Functions and operators of its own, then tables, sequences and types. */
  const attempts = Effect.fnUntraced(function* (store: EventStore["Service"]) {
    const { writer: sql } = yield* Logins
    const called = ["SET LOCAL search_path = shadow, pg_catalog"]
    const named = [...temporary, "SET LOCAL search_path = pg_temp, pg_catalog"]
    const settle = sql`SELECT daybook.settled_position()`
    return yield* Effect.all([
      attack(sql, called, noteIn(store)),
      attack(sql, called, settle),
      attack(sql, named, noteIn(store)),
      attack(sql, named, settle)
    ])
  })

  /** Opening a store queries as the writer itself, and so its own shadows. */
  const opened = Effect.flatMap(Logins, ({ writer }) =>
    Effect.provideService(EventStorePostgres.make, SqlClient, writer)
  )

  it.effect("are not seen by what runs with the rights of the owner", () =>
    Effect.gen(function* () {
      yield* made
      assert.deepStrictEqual([...new Set(yield* attempts(yield* opened))], ["nothing was shadowed"])
    }).pipe(Effect.scoped)
  )

  it.effect("would run as the owner if the search path were the caller's", () =>
    Effect.gen(function* () {
      const { roles, superuser } = yield* Logins
      yield* made
      // It refuses functions whose path is another.
      const store = yield* opened
      const open = yield* superuser<{ readonly signature: string }>`
        SELECT oid::regprocedure::text AS signature FROM pg_proc
        WHERE pronamespace = 'daybook'::regnamespace AND prosecdef`
      const path = (clause: string) =>
        Effect.forEach(open, ({ signature }) =>
          superuser.unsafe(`ALTER FUNCTION ${signature} ${clause}`)
        )
      const outcomes = yield* Effect.acquireUseRelease(
        path("RESET search_path"),
        () => attempts(store),
        () => Effect.orDie(path("SET search_path = pg_catalog, pg_temp"))
      )
      const asOwner = `called as ${roles.owner}`
      assert.deepStrictEqual(outcomes.slice(0, 2), [asOwner, asOwner])
      assert.notInclude(outcomes, "nothing was shadowed")
    }).pipe(Effect.scoped)
  )

  it.effect("find no function to enter by that has no path of its own", () =>
    Effect.gen(function* () {
      const { roles, superuser } = yield* Logins
      const open = yield* superuser`
        SELECT proname::text AS name, prosecdef AS definer,
          'search_path=pg_catalog, pg_temp' = ANY (proconfig) AS pinned
        FROM pg_proc
        WHERE pronamespace = 'daybook'::regnamespace
          AND (prosecdef OR has_function_privilege(${roles.writer}::name, oid, 'EXECUTE'))
        ORDER BY 1`
      assert.includeDeepMembers(Array.from(open), [
        { name: "append", definer: true, pinned: true },
        { name: "settled_position", definer: true, pinned: true }
      ])
      // These look at tables of others, with the rights of their caller.
      const asCaller = ["lock_read_models", "foreign_code"]
      for (const each of open) {
        const definer = !asCaller.includes(String(each["name"]))
        assert.deepInclude(each, { definer, pinned: true })
      }
    })
  )
})
