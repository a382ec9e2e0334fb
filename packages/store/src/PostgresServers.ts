/**
 * The servers of a client that follows its primary: `Postgres.layer` with several hosts in its URL,
 * or with `target_session_attrs=read-write` or `primary`.
 *
 * The client asks each server every two seconds which one is the primary. Once another one is, or
 * the same one on a later timeline, it ends all sessions of the one before, so that no statement
 * goes to an old primary that lives on. It never connects to an earlier timeline than it has seen.
 * Stores repeat appends, which their ids make safe, and reads for 60 seconds meanwhile.
 *
 * @since 0.1.0
 */
import type * as Named from "@daybook/kernel/Named"
import { rootMessage } from "./RootMessage.ts"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import * as Internal from "./internal/postgres/servers/servers.ts"
import { describePlace } from "./PostgresStart.ts"

/**
 * The cause of an `EventStoreError`: a read of several pages began on a server that is no longer
 * the primary, and its rest would be of the history of another one.
 *
 * @category errors
 * @since 0.1.0
 */
export { ServerChanged } from "./internal/driver/oneHistory.ts"

/**
 * A server, as it last answered.
 *
 * @category types
 * @since 0.1.0
 */
export const ServerStatus = Schema.Struct({
  /** Its host and port. */
  server: Schema.String,
  /**
   * `superseded`: an old primary, on an earlier timeline than has been seen. `unknown`: not asked
   * yet.
   */
  state: Schema.Literals([
    "primary",
    "standby",
    "read-only",
    "superseded",
    "unreachable",
    "unknown"
  ]),
  /** The reason why it is unreachable. */
  cause: Schema.Option(Schema.String)
})

/**
 * @category types
 * @since 0.1.0
 */
export type ServerStatus = Named.Struct<typeof ServerStatus>

/**
 * The server that a client is connected to, and the others.
 *
 * @category types
 * @since 0.1.0
 */
export const Status = Schema.Struct({
  /** The host and port of the primary; none while it is looked for. */
  primary: Schema.Option(Schema.String),
  /** The system identifier of its cluster; none where the server does not tell it. */
  system: Schema.Option(Schema.String),
  /** The timeline that it writes; each promotion begins another one. */
  timeline: Schema.Option(Schema.Int),
  /** The time since which the sessions are on this server and timeline. */
  since: Schema.DateTimeUtc,
  /** The changes of server or timeline since the client was opened. */
  failovers: Schema.Int,
  servers: Schema.Array(ServerStatus)
})

/**
 * @category types
 * @since 0.1.0
 */
export type Status = Named.Struct<typeof Status>

/**
 * Returns the servers of the current client as it knows them, without a question to them; none for
 * a client that does not follow its primary.
 *
 * @category operations
 * @since 0.1.0
 */
export const status: Effect.Effect<Option.Option<Status>, never, SqlClient> = Effect.map(
  SqlClient,
  (sql) => {
    const servers = Internal.of(sql)
    if (servers === undefined) return Option.none()
    const identity = Option.fromUndefinedOr(servers.identity())
    return Option.some({
      primary: Option.map(Option.fromUndefinedOr(servers.current()), ({ server }) =>
        describePlace(server)
      ),
      system: Option.map(identity, ({ system }) => system),
      timeline: Option.map(identity, ({ timeline }) => timeline),
      since: DateTime.makeUnsafe(servers.sinceMillis()),
      failovers: servers.term(),
      servers: servers.found().map(({ state, ...place }) => ({
        server: describePlace(place),
        state: states[state._tag],
        cause: state._tag === "Unreachable" ? Option.some(rootMessage(state.cause)) : Option.none()
      }))
    })
  }
)

const states = {
  Primary: "primary",
  Standby: "standby",
  ReadOnly: "read-only",
  Superseded: "superseded",
  Unreachable: "unreachable",
  Unknown: "unknown"
} as const
