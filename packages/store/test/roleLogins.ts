/**
 * A log with its roles on a real server, and connections of users who are members of them.
 */
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresPartitions from "@daybook/store/PostgresPartitions"
import * as PostgresRoles from "@daybook/store/PostgresRoles"
import { RoleName } from "@daybook/store/PostgresRoles"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { makeOverloads } from "./overloads.ts"
import { partition } from "./postgresLayers.ts"

/** Users of one database. `migrator` made the log and its roles and is not a superuser. */
export class Logins extends Context.Service<
  Logins,
  {
    readonly roles: PostgresRoles.Roles
    readonly superuser: PgClient.PgClient
    readonly migrator: PgClient.PgClient
    readonly writer: PgClient.PgClient
    readonly reader: PgClient.PgClient
    /** Connects to another database as the migrating user, which may make schemas there. */
    readonly migratorOf: (
      url: Redacted.Redacted<string>
    ) => Effect.Effect<PgClient.PgClient, SqlError, Scope.Scope | Reactivity.Reactivity>
    /** May connect, and is not a member of any role. */
    readonly stranger: PgClient.PgClient
  }
>()("@daybook/store/test/Logins") {
  /**
   * Makes the users. `further` runs as the migrating user, after the migrations; `before` runs
   * first, as a stranger who may create in `public`, as in a database that came from PostgreSQL 14.
   */
  private static among<E, E2 = never>(
    further: Effect.Effect<unknown, E, SqlClient>,
    before?: (stranger: SqlClient) => Effect.Effect<unknown, E2>
  ) {
    return Layer.effect(
      Logins,
      Effect.gen(function* () {
        const { dropped, name } = yield* names
        const roles = { owner: name("owner"), writer: name("writer"), reader: name("reader") }
        // Roles can be dropped only when no database has objects of theirs, so after the database.
        yield* dropped
        const url = yield* PostgresServer.freshDatabase
        const superuser = yield* PgClient.make({ url })
        const login = Effect.fnUntraced(function* (user: string, clause: string) {
          const role = name(user)
          yield* superuser.unsafe(`CREATE ROLE "${role}" LOGIN PASSWORD 'secret' ${clause}`)
          return yield* PgClient.make({ url: as(url, role), maxConnections: 12 })
        })
        const stranger = yield* login("stranger", "")
        if (before !== undefined) {
          yield* superuser.unsafe(`GRANT CREATE ON SCHEMA public TO "${name("stranger")}"`)
          yield* before(stranger)
        }
        const migrator = yield* login("migrator", "CREATEROLE")
        yield* superuser.unsafe(
          `GRANT CREATE ON DATABASE "${databaseOf(url)}" TO "${name("migrator")}"`
        )
        yield* Effect.provideService(
          PostgresMigrations.migrate.pipe(
            Effect.andThen(further),
            Effect.andThen(PostgresRoles.grant(roles))
          ),
          SqlClient,
          migrator
        )
        return {
          roles,
          superuser,
          migrator,
          migratorOf: Effect.fnUntraced(function* (other: Redacted.Redacted<string>) {
            const grant = `GRANT CREATE ON DATABASE "${databaseOf(other)}" TO "${name("migrator")}"`
            yield* superuser.unsafe(grant)
            return yield* PgClient.make({ url: as(other, name("migrator")), maxConnections: 2 })
          }),
          writer: yield* login("writing_host", `IN ROLE "${roles.writer}"`),
          reader: yield* login("reading_host", `IN ROLE "${roles.reader}"`),
          stranger
        }
      })
    ).pipe(
      Layer.provide(SecureRandom.layerWebCrypto),
      Layer.provide(Reactivity.layer),
      Layer.provideMerge(PostgresServer.PostgresServer.layer)
    )
  }

  static readonly layer = Logins.among(Effect.void)

  /** The users of a log in partitions. */
  static readonly layerPartitioned = Logins.among(partition)

  /**
   * The users of a log in so many small partitions that some hundred appends always cross into
   * later ones.
   */
  static readonly layerManyPartitions = Logins.among(
    PostgresPartitions.partition({ appendsPerPartition: 12, ahead: 45 })
  )

  /** The users of a log in partitions, with overloads of PostgreSQL's functions in `public`. */
  static readonly layerOverloaded = Logins.among(partition, makeOverloads)

  /** The client of a host that is a writer. */
  static readonly layerWriter = Layer.effect(
    SqlClient,
    Effect.map(Logins, ({ writer }) => writer)
  ).pipe(Layer.provideMerge(Logins.layer))
}

/** Unique names on the server, which are dropped with the scope. */
const names = Effect.gen(function* () {
  const { url } = yield* PostgresServer.PostgresServer
  const run = yield* (yield* SecureRandom.SecureRandom).uuidV4()
  const reactivity = yield* Reactivity.Reactivity
  const suffix = run.replaceAll("-", "").slice(0, 12)
  const dropped = Effect.addFinalizer(() =>
    Effect.gen(function* () {
      const sql = yield* PgClient.make({ url, maxConnections: 1 })
      const found = yield* sql<{ readonly name: string }>`
        SELECT rolname::text AS name FROM pg_roles WHERE rolname LIKE ${`%${suffix}`}`
      const all = found.map(({ name }) => `"${name}"`).join(", ")
      if (all !== "") yield* sql.unsafe(`DROP ROLE ${all}`)
    }).pipe(Effect.scoped, Effect.provideService(Reactivity.Reactivity, reactivity), Effect.orDie)
  )
  return { name: (role: string) => RoleName.make(`daybook_${role}_${suffix}`), dropped }
})

/** Returns the URL of the same database for another user. */
const as = (url: Redacted.Redacted<string>, user: string) => {
  const changed = new URL(Redacted.value(url))
  changed.username = user
  changed.password = "secret"
  return Redacted.make(changed.href)
}

const databaseOf = (url: Redacted.Redacted<string>) =>
  new URL(Redacted.value(url)).pathname.slice(1)
