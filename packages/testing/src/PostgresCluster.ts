/**
 * A cluster of three PostgreSQL servers with streaming replication, of which tests kill, freeze and
 * promote members. Linux only.
 *
 * Nothing promotes a standby but the test: it takes the place of Patroni or a managed service. All
 * ends with the scope, or with the process.
 *
 * @since 0.1.0
 */
import { load } from "@daybook/store/MissingPeer"
import type * as PgClient from "@effect/sql-pg/PgClient"
import * as Arr from "effect/Array"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import * as ClusterNode from "./internal/server/clusterNode.ts"
import * as EmbeddedServer from "./internal/server/embeddedServer.ts"
import { freePort } from "./internal/server/freePort.ts"
import { PostgresServerError } from "./PostgresServer.ts"

/**
 * A server of a cluster.
 *
 * @category types
 * @since 0.1.0
 */
export interface Member {
  readonly name: string
  readonly port: number
  /** The URL of the database `postgres` on this server alone. */
  readonly url: Redacted.Redacted<string>
  /** Kills the server and its sessions (SIGKILL). */
  readonly kill: Effect.Effect<void, PostgresServerError>
  /** Stops the server and its sessions (SIGSTOP): connections stay open, and nothing answers. */
  readonly freeze: Effect.Effect<void, PostgresServerError>
  readonly thaw: Effect.Effect<void, PostgresServerError>
  /** Starts a killed server on its own files, as what it was. */
  readonly start: Effect.Effect<void, PostgresServerError>
  /** Makes a primary of a standby. */
  readonly promote: Effect.Effect<void, SqlError>
  /** Ends the replication to a standby, until {@link Member.follow}. */
  readonly cut: Effect.Effect<void, SqlError>
  /** Lets a standby follow a primary, and waits until it does. */
  readonly follow: (primary: Pick<Member, "port">) => Effect.Effect<void, SqlError>
  /** Makes a standby of a killed server, from the files of a running one. */
  readonly rebuild: (from: Member) => Effect.Effect<void, PostgresServerError | SqlError>
}

/**
 * A cluster of three servers, of which the first begins as the primary.
 *
 * @category types
 * @since 0.1.0
 */
export interface Cluster {
  readonly members: readonly [Member, Member, Member]
  /** Returns a URL with all servers, for a client that finds the primary. */
  readonly url: (database: string) => Redacted.Redacted<string>
  /** Runs statements on one server, in its database `postgres` unless named. */
  readonly on: <A>(
    member: Pick<Member, "port">,
    statements: (sql: PgClient.PgClient) => Effect.Effect<A, SqlError>,
    database?: string
  ) => Effect.Effect<A, SqlError>
  /**
   * Promotes the standby that has received most, lets the others follow it, and returns it.
   *
   * **Details**
   * They leave the old primary first. So that one has no quorum any more if it lives on, and with a
   * quorum the next has every acknowledged append.
   */
  readonly failOver: (
    standbys: Arr.NonEmptyReadonlyArray<Member>
  ) => Effect.Effect<Member, SqlError>
  /** Waits until a standby has everything that the primary has written. */
  readonly caughtUp: (standby: Member, primary: Member) => Effect.Effect<void, SqlError>
}

// A test has no use for the error as a value.
const loadClient = Effect.orDie(
  load(
    "@daybook/testing/PostgresCluster",
    ["@effect/sql-pg"],
    () => import("@effect/sql-pg/PgClient")
  )
)

const NAMES = ["a", "b", "c"]

/**
 * Starts a cluster. `quorum`: 1 if an append must be on one of the standbys before it is
 * acknowledged, 0 for asynchronous standbys.
 *
 * @category resources
 * @since 0.1.0
 */
export const make: (options: {
  readonly quorum: 0 | 1
}) => Effect.Effect<Cluster, PostgresServerError | SqlError, Scope.Scope> = Effect.fnUntraced(
  function* ({ quorum }) {
    const random = yield* SecureRandom.SecureRandom
    const reactivity = yield* Reactivity.Reactivity
    const password = Redacted.make(yield* random.uuidV4())
    const user = EmbeddedServer.serverUser()
    const folders = yield* failed(Effect.forEach(NAMES, () => EmbeddedServer.makeFolder(user)))
    const ports = yield* failed(Effect.forEach(NAMES, () => freePort))
    const bin = yield* failed(EmbeddedServer.binaries(Arr.getUnsafe(folders, 0), user))
    const shared: ClusterNode.Shared = { bin, user, password, names: NAMES, quorum }
    yield* failed(ClusterNode.initialise(shared, Arr.getUnsafe(folders, 0)))
    for (const folder of folders.slice(1)) {
      yield* failed(ClusterNode.copy(Arr.getUnsafe(folders, 0), folder))
    }

    const urlOf = (port: number, database: string) =>
      Redacted.make(
        `postgresql://daybook:${Redacted.value(password)}@127.0.0.1:${port}/${database}`
      )
    const on: Cluster["on"] = ({ port }, statements, database = "postgres") =>
      Effect.scoped(
        loadClient.pipe(
          Effect.flatMap(({ make }) => make({ url: urlOf(port, database), maxConnections: 1 })),
          Effect.flatMap(statements)
        )
      ).pipe(Effect.provideService(Reactivity.Reactivity, reactivity))

    const memberOf = Effect.fnUntraced(function* (index: 0 | 1 | 2) {
      const name = Arr.getUnsafe(NAMES, index)
      const folder = Arr.getUnsafe(folders, index)
      const port = Arr.getUnsafe(ports, index)
      const place = { port }
      const primary = index === 0 ? undefined : ports[0]
      yield* failed(ClusterNode.configure(shared, folder, name, { primary }))
      const server = yield* failed(ClusterNode.start(shared, folder, port))
      const setPrimary = (sql: PgClient.PgClient, value: string) =>
        Effect.andThen(
          sql.unsafe(`ALTER SYSTEM SET primary_conninfo = '${value}'`).unprepared,
          sql`SELECT pg_reload_conf()`
        )
      const receives = (isReceiving: boolean) => (sql: PgClient.PgClient) =>
        Effect.repeat(
          sql<{ readonly is: boolean }>`
            SELECT EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming') AS is`,
          { until: ([row]) => row?.is === isReceiving, schedule: POLL }
        )
      const member: Member = {
        name,
        port,
        url: urlOf(port, "postgres"),
        kill: failed(
          Effect.flatMap(ClusterNode.sessionsOf(folder), (sessions) =>
            Effect.andThen(server.kill, ClusterNode.signal(sessions, "SIGKILL"))
          )
        ),
        freeze: failed(
          Effect.flatMap(ClusterNode.processesOf(folder), (all) =>
            ClusterNode.signal(all, "SIGSTOP")
          )
        ),
        thaw: failed(
          Effect.flatMap(ClusterNode.processesOf(folder), (all) =>
            ClusterNode.signal(all, "SIGCONT")
          )
        ),
        start: failed(server.start),
        promote: Effect.asVoid(on(place, (sql) => sql`SELECT pg_promote(true, 30)`)),
        cut: Effect.asVoid(
          on(place, (sql) => Effect.andThen(setPrimary(sql, ""), receives(false)(sql)))
        ),
        follow: (primary) =>
          Effect.asVoid(
            on(place, (sql) =>
              Effect.andThen(
                setPrimary(sql, ClusterNode.primaryOf(shared, name, primary.port)),
                receives(true)(sql)
              )
            )
          ),
        rebuild: Effect.fnUntraced(function* (from) {
          const label = yield* on(from, (sql) =>
            Effect.gen(function* () {
              yield* sql`SELECT pg_backup_start('rebuild', true)::text`
              const source = folders[ports.indexOf(from.port)] ?? ""
              yield* Effect.orDie(ClusterNode.copy(source, folder))
              const [row] = yield* sql<{ readonly labelfile: string }>`
                SELECT labelfile FROM pg_backup_stop(false)`
              return row?.labelfile
            })
          )
          yield* failed(ClusterNode.configure(shared, folder, name, { primary: from.port, label }))
          yield* failed(server.start)
          yield* on(place, receives(true))
        })
      }
      return member
    })
    const [a, b, c] = [yield* memberOf(0), yield* memberOf(1), yield* memberOf(2)]
    const cluster: Cluster = {
      members: [a, b, c],
      url: (database) =>
        Redacted.make(
          `postgresql://daybook:${Redacted.value(password)}@${ports
            .map((port) => `127.0.0.1:${port}`)
            .join(",")}/${database}`
        ),
      on,
      failOver: Effect.fnUntraced(function* (standbys) {
        yield* Effect.forEach(standbys, ({ cut }) => cut, { discard: true })
        const received = yield* Effect.forEach(standbys, (member) =>
          Effect.map(
            on(
              member,
              (sql) => sql<{ readonly bytes: bigint }>`
                SELECT (greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                  - '0/0'::pg_lsn)::bigint AS bytes`
            ),
            ([row]) => ({ member, bytes: row?.bytes ?? 0n })
          )
        )
        const { member } = received.reduce((most, one) => (one.bytes > most.bytes ? one : most))
        yield* member.promote
        for (const other of standbys) if (other !== member) yield* other.follow(member)
        return member
      }),
      caughtUp: (standby, primary) =>
        Effect.gen(function* () {
          const [end] = yield* on(
            primary,
            (sql) => sql<{ readonly lsn: string }>`SELECT pg_current_wal_lsn()::text AS lsn`
          )
          yield* on(standby, (sql) =>
            Effect.repeat(
              sql<{ readonly is: boolean }>`
                SELECT pg_last_wal_replay_lsn() >= ${end?.lsn ?? "0/0"}::text::pg_lsn AS is`,
              { until: ([row]) => row?.is === true, schedule: POLL }
            )
          )
        })
    }
    for (const standby of [b, c]) yield* cluster.caughtUp(standby, a)
    return cluster
  },
  Effect.provide([SecureRandom.layerWebCrypto, Reactivity.layer])
)

const POLL = Schedule.spaced("50 millis")

const failed = Effect.mapError((cause: unknown) => new PostgresServerError({ cause }))
