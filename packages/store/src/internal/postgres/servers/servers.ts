/**
 * The servers of a client, of which one is the primary: finds it, follows it to another server, and
 * ends the sessions that are left on the one before.
 *
 * 1. A session is admitted only if its server is the primary, and on no earlier timeline of the
 *    cluster than the newest that this client has seen.
 * 2. Before the first session of another server or timeline is admitted, all earlier sessions are
 *    ended, and another term begins. So statements that began and ended in one term were answered
 *    from one history.
 * 3. Each server is asked again and again, since a server that hangs ends no session, and an old
 *    primary that lives on does not tell of the new one.
 */
import type * as PgConnection from "@effect/sql-pg/PgConnection"
import type * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { SqlClient } from "effect/sql/SqlClient"
import { ConnectionError, SqlError } from "effect/sql/SqlError"
import * as Tracer from "effect/Tracer"
import type { Duplex } from "node:stream"
import { isPgClient } from "../sql/isPgClient.ts"
import {
  describePlace,
  NoPrimary,
  type NotPrimary,
  type NotPrimaryReason,
  type Server
} from "../../../PostgresStart.ts"
import type { Target } from "../start/databaseUrl.ts"
import {
  cancelledKey,
  type Facts,
  type Identity,
  SessionStream,
  type Wanted
} from "./sessionStream.ts"

/** A server that a client may connect to, and the TLS of its connections. */
export interface Candidate {
  readonly server: Server
  readonly ssl: Wanted["ssl"]
}

/** The state of a server when it was last asked. */
export type Found =
  | { readonly _tag: "Unknown" }
  | { readonly _tag: "Primary"; readonly identity: Identity | undefined }
  | NotPrimaryReason

export interface Servers {
  /** The number of the term: it grows with each change of the server or its timeline. */
  readonly term: () => number
  /** The primary; undefined while it is looked for. */
  readonly current: () => Candidate | undefined
  readonly identity: () => Identity | undefined
  /** The time since which the sessions are on this server and timeline, in milliseconds. */
  readonly sinceMillis: () => number
  readonly found: () => ReadonlyArray<Pick<Server, "host" | "port"> & { readonly state: Found }>
  /** Finds the primary unless it is known. */
  readonly find: Effect.Effect<void, SqlError>
  /** Opens a connection to the primary that was found. */
  readonly open: () => Duplex
}

/** The pause between two questions to a server: the longest time for which a failover is missed. */
const WATCH_PAUSE = Duration.seconds(2)

/** The time within which a server answers, its login included. */
const ANSWER_TIMEOUT = Duration.seconds(5)

/** The number of answers after which a session that asks is opened again, by the server's name. */
const ANSWERS_PER_SESSION = 15

/** The name under which an operator finds the connections in `pg_stat_activity`. */
const APPLICATION_NAME = "daybook watcher"

const failovers = Metric.counter("daybook_postgres_failovers", {
  description: "Changes of the PostgreSQL server or timeline that this host is connected to"
})
const refusals = Metric.counter("daybook_postgres_refused_servers", {
  description: "Sessions refused since their server is not the primary, by reason"
})
const primaries = Metric.gauge("daybook_postgres_primary", {
  description: "1 for the PostgreSQL server that this host is connected to, 0 for the others"
})
const timelines = Metric.gauge("daybook_postgres_timeline", {
  description: "The timeline of the PostgreSQL server that this host is connected to"
})

/** Leaves out the trace and the annotations of the caller whose connection it is. */
const ofNoCaller = Context.omit(
  Tracer.ParentSpan,
  References.TracerSpanAnnotations,
  References.TracerSpanLinks,
  References.CurrentLogAnnotations,
  References.CurrentLogSpans
)

interface Session {
  readonly stream: Duplex
  readonly candidate: Candidate
}

export const make = Effect.fnUntraced(function* (options: {
  readonly candidates: Arr.NonEmptyReadonlyArray<Candidate>
  readonly target: Target
  /** The settings of connections, without a place, TLS and stream. */
  readonly login: PgConnection.Config
}): Effect.fn.Return<Servers, never, Scope.Scope> {
  const { candidates, login, target } = options
  const clock = yield* Clock.Clock
  const context = ofNoCaller(yield* Effect.context<never>())
  const fork = Effect.runForkWith(context)
  const sessions = new Map<string, Session>()
  const states = new Map<Candidate, Found>(
    candidates.map((candidate) => [candidate, { _tag: "Unknown" }])
  )
  let term = 0
  let current: Candidate | undefined
  let served: Candidate | undefined
  let identity: Identity | undefined
  const known = Latch.makeUnsafe()
  let since = clock.currentTimeMillisUnsafe()

  const tell = () => {
    for (const candidate of candidates) {
      const server = describePlace(candidate.server)
      Metric.withAttributes(primaries, { server }).updateUnsafe(
        candidate === current ? 1 : 0,
        context
      )
    }
    if (identity !== undefined) timelines.updateUnsafe(identity.timeline, context)
  }

  /** Judges the answer of a server. */
  const judge = (facts: Facts): NotPrimaryReason | undefined => {
    if (facts.isStandby) return { _tag: "Standby" }
    if (facts.isReadOnly && target !== "primary") return { _tag: "ReadOnly" }
    const found = facts.identity
    return found !== undefined &&
      identity !== undefined &&
      found.system === identity.system &&
      found.timeline < identity.timeline
      ? { _tag: "Superseded", timeline: found.timeline, newest: identity.timeline }
      : undefined
  }

  /** Takes a server as the primary; ends the sessions of the one before. */
  const adopt = (candidate: Candidate, found: Identity | undefined) => {
    states.set(candidate, { _tag: "Primary", identity: found })
    // One server under two addresses has one history.
    const isOther =
      found === undefined
        ? served !== candidate || identity !== undefined
        : !isSame(identity, found)
    if (served !== undefined && isOther) {
      term++
      since = clock.currentTimeMillisUnsafe()
      failovers.updateUnsafe(1, context)
      fork(
        Effect.logWarning(
          `Follows the primary from ${whereIs(served, identity)} to ${whereIs(candidate, found)}`
        )
      )
      for (const { stream } of sessions.values()) {
        stream.destroy(new Error("The session's server is no longer the primary"))
      }
      sessions.clear()
    }
    current = candidate
    served = candidate
    identity = found
    known.openUnsafe()
    tell()
  }

  /** Notes that a server is not the primary; the next connection looks for another one. */
  const leave = (candidate: Candidate, reason: NotPrimaryReason) => {
    states.set(candidate, reason)
    if (current !== candidate) return
    current = undefined
    known.closeUnsafe()
    tell()
  }

  const refuse = (candidate: Candidate, reason: NotPrimaryReason) => {
    leave(candidate, reason)
    Metric.withAttributes(refusals, { reason: reason._tag }).updateUnsafe(1, context)
    return new NoPrimary({ servers: [notPrimary(candidate, reason)] })
  }

  const wanted = ({ server, ssl }: Candidate, admit: Wanted["admit"]): Wanted => ({
    host: server.host,
    port: server.port,
    ssl,
    admit
  })

  const open = (): Duplex => {
    let candidate: Candidate | undefined
    let isAdmitted = false
    const admit =
      (to: Candidate): Wanted["admit"] =>
      (facts, key) => {
        const reason = judge(facts)
        if (reason !== undefined) return refuse(to, reason)
        adopt(to, facts.identity)
        isAdmitted = true
        const session = { stream, candidate: to }
        sessions.set(key, session)
        stream.once("close", () => {
          if (sessions.get(key) === session) sessions.delete(key)
        })
        return undefined
      }
    const stream = new SessionStream((first) => {
      const cancelled = cancelledKey(first)
      if (cancelled !== undefined) {
        const session = sessions.get(cancelled)
        return session === undefined
          ? new Error("The session to cancel has ended")
          : wanted(session.candidate, () => undefined)
      }
      candidate = current
      return candidate === undefined
        ? new Error("The primary is looked for")
        : wanted(candidate, admit(candidate))
    })
    stream.once("error", (cause) => {
      if (candidate === undefined || isAdmitted || cause instanceof NoPrimary) return
      leave(candidate, { _tag: "Unreachable", cause })
    })
    return stream
  }

  /** Notes the answer of a server to a question, and adopts a newer primary. */
  const heard = (candidate: Candidate, facts: Facts) => {
    const reason = judge(facts)
    if (reason !== undefined) return leave(candidate, reason)
    states.set(candidate, { _tag: "Primary", identity: facts.identity })
    if (isNewer(facts.identity, identity)) adopt(candidate, facts.identity)
  }

  /**
   * Notes that a server did not answer. The sessions of the primary may go on: only a connection of
   * their own or another primary decides about them.
   */
  const unheard = (candidate: Candidate, cause: unknown) => {
    states.set(candidate, { _tag: "Unreachable", cause })
  }

  /** Opens a session that only asks, on any server, and returns the server's answers. */
  const askIn = (
    candidate: Candidate
  ): Effect.Effect<
    { readonly facts: Facts; readonly connection: PgConnection.PgConnection },
    SqlError,
    Scope.Scope
  > => {
    let facts: Facts = { isStandby: true, isReadOnly: true, identity: undefined }
    const connect = connecting({
      ...login,
      applicationName: APPLICATION_NAME,
      prepare: false,
      connectTimeout: ANSWER_TIMEOUT,
      ssl: false,
      stream: () =>
        new SessionStream(() =>
          wanted(candidate, (found) => {
            facts = found
            return undefined
          })
        )
    })
    return Effect.map(connect, (connection) => ({ facts, connection }))
  }

  const askOnce = (candidate: Candidate): Effect.Effect<void> =>
    Effect.match(Effect.scoped(askIn(candidate)), {
      onFailure: (cause) => unheard(candidate, cause),
      onSuccess: ({ facts }) => heard(candidate, facts)
    })

  /**
   * Asks a server in one session, as a login costs more than the answer, until it is promoted or
   * demoted. The name of the server may lead to another one: the session ends in time.
   */
  const watch = (candidate: Candidate): Effect.Effect<void> =>
    Effect.scoped(
      Effect.gen(function* () {
        const { connection, facts } = yield* askIn(candidate)
        for (let asked = 0; asked < ANSWERS_PER_SESSION; asked++) {
          heard(candidate, facts)
          yield* Effect.sleep(WATCH_PAUSE)
          const { rows } = yield* Effect.timeoutOrElse(
            connection.query("SELECT pg_catalog.pg_is_in_recovery() AS standby", [], false),
            {
              duration: ANSWER_TIMEOUT,
              orElse: () => Effect.fail(new Error("no answer in time"))
            }
          )
          if (rows[0]?.["standby"] !== facts.isStandby) return
        }
      })
    ).pipe(
      Effect.catch((cause) =>
        Effect.andThen(
          Effect.sync(() => unheard(candidate, cause)),
          Effect.sleep(WATCH_PAUSE)
        )
      )
    )

  const look = Effect.gen(function* () {
    if (current !== undefined) return
    yield* Effect.raceFirst(
      Effect.forEach(candidates, askOnce, { concurrency: "unbounded", discard: true }),
      known.await
    )
    if (current !== undefined) return
    const best = bestOf(candidates, states, identity)
    if (best !== undefined) return adopt(best.candidate, best.identity)
    const found = candidates.flatMap((candidate) => {
      const state = states.get(candidate)
      return state === undefined || state._tag === "Unknown" || state._tag === "Primary"
        ? []
        : [notPrimary(candidate, state)]
    })
    return yield* new SqlError({
      reason: new ConnectionError({
        cause: new NoPrimary({ servers: found }),
        message: "No primary",
        operation: "connect"
      })
    })
  })
  const looking = Semaphore.makeUnsafe(1)
  let looks = 0
  let failure: SqlError | undefined
  const find = Effect.suspend(() => {
    if (current !== undefined) return Effect.void
    const asked = looks
    return Semaphore.withPermits(
      looking,
      1
    )(
      Effect.suspend(() => {
        // A look that began since then answers for all who wait.
        if (looks > asked && failure !== undefined) return Effect.fail(failure)
        looks++
        failure = undefined
        return Effect.tapError(look, (error) =>
          Effect.sync(() => {
            failure = error
          })
        )
      })
    )
  })

  yield* Effect.forEach(
    candidates,
    (candidate) => Effect.forkScoped(Effect.forever(watch(candidate))),
    { discard: true }
  ).pipe(Effect.withTracerEnabled(false))

  return {
    term: () => term,
    current: () => current,
    identity: () => identity,
    sinceMillis: () => since,
    found: () =>
      candidates.map((candidate) => ({
        host: candidate.server.host,
        port: candidate.server.port,
        state: states.get(candidate) ?? { _tag: "Unknown" }
      })),
    find,
    open
  }
})

const notPrimary = ({ server }: Candidate, reason: NotPrimaryReason): NotPrimary => ({
  host: server.host,
  port: server.port,
  reason
})

const isSame = (one: Identity | undefined, other: Identity | undefined): boolean =>
  one === undefined || other === undefined
    ? one === other
    : one.system === other.system && one.timeline === other.timeline

/** Returns true for a later timeline of the same cluster. */
const isNewer = (one: Identity | undefined, than: Identity | undefined): boolean =>
  one !== undefined &&
  than !== undefined &&
  one.system === than.system &&
  one.timeline > than.timeline

/**
 * Returns the primary to take: of the cluster that was connected to before, if one is, and on the
 * latest timeline. An old primary that lives on is on an earlier one.
 */
const bestOf = (
  candidates: ReadonlyArray<Candidate>,
  states: ReadonlyMap<Candidate, Found>,
  before: Identity | undefined
) => {
  let best: { readonly candidate: Candidate; readonly identity: Identity | undefined } | undefined
  for (const candidate of candidates) {
    const state = states.get(candidate)
    if (state?._tag !== "Primary") continue
    const { identity } = state
    const isBetter =
      best === undefined ||
      isNewer(identity, best.identity) ||
      (identity?.system === before?.system && best.identity?.system !== before?.system)
    if (isBetter) best = { candidate, identity }
  }
  return best
}

const whereIs = ({ server }: Candidate, identity: Identity | undefined): string =>
  `${describePlace(server)}${identity === undefined ? "" : ` on timeline ${identity.timeline}`}`

/** The servers of clients, by their configuration: see `Pooler.remember`. */
const remembered = new WeakMap<object, Servers>()

export const remember = (config: object, servers: Servers): void => {
  remembered.set(config, servers)
}

/** Returns the servers of a client that follows its primary. */
export const of = (sql: SqlClient): Servers | undefined =>
  isPgClient(sql) ? remembered.get(sql.config) : undefined

/** Opens a connection, of the package that `Postgres` has loaded. */
const connecting = (config: PgConnection.Config) =>
  Effect.flatMap(
    Effect.promise(() => import("@effect/sql-pg/PgConnection")),
    ({ make }) => make(config)
  )
