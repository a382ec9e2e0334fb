/**
 * The attacks on hosts, on their connections, and on the server.
 */
import type * as PostgresServer from "@daybook/testing/PostgresServer"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import * as Schedule from "effect/Schedule"
import * as Folder from "./folder.ts"
import type { Host } from "./host.ts"

/** The kinds of attacks, each with its effect. */
export const kinds = {
  "host-killed": "a host is killed (SIGKILL) and another one started",
  "host-frozen": "a host is stopped (SIGSTOP) for longer than its leases, and continues",
  "connection-terminated": "sessions are ended (pg_terminate_backend)",
  "listener-terminated": "the sessions that listen are ended",
  "backend-killed": "a session's process is killed (SIGKILL): the server ends all and recovers",
  "server-crashed": "the server is shut down without writing what is in memory, and started again",
  "server-restarted": "the server is stopped and started again",
  "way-slow": "all that passes between a host and the server takes longer",
  "way-stalled": "nothing passes between a host and the server, then its connections are cut",
  "way-reset": "the connections of a host are cut",
  "old-host": "all hosts are killed, and one of an older release is there before the others",
  "folder-stolen": "a folder in which a host lives is to be opened by another one"
} as const

export type Kind = keyof typeof kinds

export const all = Object.keys(kinds) as ReadonlyArray<Kind>

/**
 * The attacks that leave the server and all hosts at work, so that hostile users meet working
 * hosts.
 */
export const besideHostiles: ReadonlyArray<Kind> = [
  "host-killed",
  "connection-terminated",
  "host-frozen",
  "way-reset",
  "listener-terminated"
]

/** The fields that every attack on a host, its connections or the server needs. */
export interface Ground {
  /** The times for which a host may be frozen: some are longer than its leases. */
  readonly freezesMillis: ReadonlyArray<number>
  readonly server: PostgresServer.Restartable
  /** A direct client of the server, as its superuser. */
  readonly admin: SqlClient
  readonly pick: <A>(members: ReadonlyArray<A>) => A
}

export interface Battlefield extends Ground {
  readonly hosts: ReadonlyArray<Host>
  /** Reports problems that an attack finds itself. */
  readonly report: (wrong: ReadonlyArray<string>) => void
}

const pause = (millis: number) => Effect.sleep(Duration.millis(millis))

/** The kinds of attacks that any host can be the target of. */
export type OnAnyHost = Exclude<Kind, "old-host" | "folder-stolen">

/** Attacks a host, its connections, or the server. */
export const attackAny = (
  kind: OnAnyHost,
  host: Pick<Host, "proxy" | "signal">,
  { admin, freezesMillis, pick, server }: Ground
): Effect.Effect<void, unknown> =>
  Effect.suspend((): Effect.Effect<void, unknown> => {
    switch (kind) {
      case "host-killed":
        return Effect.sync(() => host.signal("SIGKILL"))
      case "host-frozen":
        return Effect.acquireUseRelease(
          Effect.sync(() => host.signal("SIGSTOP")),
          () => pause(pick(freezesMillis)),
          () => Effect.sync(() => host.signal("SIGCONT"))
        )
      case "connection-terminated":
        return Effect.asVoid(admin`
          SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid()
            AND application_name <> ${ADMIN}::text AND random() < 0.5`)
      case "listener-terminated":
        return Effect.asVoid(admin`
          SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND application_name = 'daybook listener'`)
      case "backend-killed":
        return Effect.flatMap(
          admin<{ readonly pid: number }>`
            SELECT pid FROM pg_stat_activity
            WHERE datname = current_database() AND application_name <> ${ADMIN}::text
            ORDER BY random() LIMIT 1`,
          ([session]) =>
            session === undefined
              ? Effect.void
              : // The server is a child of this process, on this machine.
                Effect.sync(() => process.kill(session.pid, "SIGKILL"))
        )
      case "server-crashed":
        return Effect.andThen(server.stop("immediate"), Effect.andThen(pause(300), server.start))
      case "server-restarted":
        return Effect.andThen(server.stop("fast"), server.start)
      case "way-slow":
        return Effect.acquireUseRelease(
          Effect.sync(() => host.proxy.delay(pick([20, 100, 300]))),
          () => pause(1_000),
          () => Effect.sync(() => host.proxy.delay(0))
        )
      case "way-stalled":
        return Effect.acquireUseRelease(
          Effect.sync(host.proxy.stall),
          () => pause(pick([500, 2_500])),
          () =>
            Effect.sync(() => {
              host.proxy.reset()
              host.proxy.resume()
            })
        )
      case "way-reset":
        return Effect.sync(host.proxy.reset)
    }
  })

export const attack = (kind: Kind, field: Battlefield): Effect.Effect<void, unknown> =>
  Effect.suspend((): Effect.Effect<void, unknown> => {
    const { hosts, pick, report } = field
    const host = pick(hosts)
    switch (kind) {
      case "old-host":
        return Effect.acquireUseRelease(
          Effect.sync(() => {
            for (const one of hosts) {
              one.become(one === host ? "old" : "none")
              one.signal("SIGKILL")
            }
          }),
          () =>
            Effect.repeat(Effect.sync(host.isReady), {
              until: (ready) => ready,
              schedule: Schedule.spaced("20 millis")
            }).pipe(
              Effect.timeoutOption("20 seconds"),
              // It takes over the read models of the killed hosts.
              Effect.andThen(pause(2_000)),
              Effect.andThen(
                Effect.sync(() => {
                  for (const one of hosts) if (one !== host) one.become("new")
                })
              ),
              Effect.andThen(pause(pick([500, 2_000])))
            ),
          () =>
            Effect.sync(() => {
              host.become("new")
              host.signal("SIGKILL")
            })
        )
      case "folder-stolen":
        return Effect.map(Folder.steal(), report)
      default:
        return attackAny(kind, host, field)
    }
  })

/** The application name of the observing sessions. */
export const ADMIN = "torture"
