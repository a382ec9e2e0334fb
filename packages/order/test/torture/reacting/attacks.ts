/**
 * The attacks on hosts with reactors, on the server, and on the brokers.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Attacks from "../attacks.ts"
import type * as Proxy from "../proxy.ts"
import type { Host } from "./host.ts"

const OWN = {
  "host-ended": "a host is ended (SIGTERM) and another one started",
  "kafka-killed": "Kafka is killed (SIGKILL), and started again",
  "kafka-cut": "nothing passes between the hosts and Kafka, then the connections are cut",
  "nats-killed": "NATS is killed (SIGKILL), and started again",
  "nats-cut": "nothing passes between the hosts and NATS, then the connections are cut"
} as const

const OF_HOSTS = [
  "host-killed",
  "host-frozen",
  "connection-terminated",
  "listener-terminated",
  "backend-killed",
  "server-crashed",
  "server-restarted",
  "way-slow",
  "way-stalled",
  "way-reset"
] as const satisfies ReadonlyArray<Attacks.OnAnyHost>

export type Kind = (typeof OF_HOSTS)[number] | keyof typeof OWN

export const describe = (kind: Kind): string => (isOfHosts(kind) ? Attacks.kinds[kind] : OWN[kind])

const isOfHosts = (kind: Kind): kind is (typeof OF_HOSTS)[number] =>
  (OF_HOSTS as ReadonlyArray<Kind>).includes(kind)

/** The attacks in the order in which they come: brokers and hosts in turns. */
export const all: ReadonlyArray<Kind> = [
  "host-killed",
  "kafka-killed",
  "host-frozen",
  "nats-killed",
  "host-ended",
  "server-crashed",
  "connection-terminated",
  "kafka-cut",
  "way-stalled",
  "host-killed",
  "nats-cut",
  "server-restarted",
  "host-frozen",
  "backend-killed",
  "way-reset",
  "host-ended",
  "listener-terminated",
  "way-slow"
]

/** A broker behind its own proxy. */
interface Broker {
  readonly proxy: Pick<Proxy.Proxy, "stall" | "resume" | "reset">
  readonly kill: Effect.Effect<void, unknown>
  readonly start: Effect.Effect<void, unknown>
}

export interface Battlefield extends Attacks.Ground {
  readonly hosts: ReadonlyArray<Host>
  readonly kafka: Broker
  readonly nats: Broker
  /** Reports problems that an attack finds itself. */
  readonly report: (wrong: string) => void
}

const pause = (millis: number) => Effect.sleep(Duration.millis(millis))

/** Longer than the steps that a host may have to finish, when their server is slow or away. */
const END = "30 seconds"

export const attack = (kind: Kind, field: Battlefield): Effect.Effect<void, unknown> =>
  Effect.suspend((): Effect.Effect<void, unknown> => {
    const { hosts, kafka, nats, pick, report } = field
    const host = pick(hosts)
    if (isOfHosts(kind)) return Attacks.attackAny(kind, host, field)
    switch (kind) {
      case "host-ended":
        return Effect.andThen(
          Effect.sync(() => host.signal("SIGTERM")),
          host.ended
        ).pipe(
          Effect.timeoutOrElse({
            duration: END,
            orElse: () =>
              Effect.sync(() => {
                report("a host did not end after SIGTERM")
                host.signal("SIGKILL")
              })
          })
        )
      case "kafka-killed":
        return killed(kafka, pick([300, 1_500]))
      case "nats-killed":
        return killed(nats, pick([300, 1_500]))
      case "kafka-cut":
        return cut(kafka, pick([500, 3_000]))
      case "nats-cut":
        return cut(nats, pick([500, 3_000]))
    }
  })

const killed = ({ kill, start }: Broker, awayMillis: number) =>
  Effect.acquireUseRelease(
    kill,
    () => pause(awayMillis),
    // It must be there at the end, whatever ends the attack.
    () => Effect.retry(start, { schedule: Schedule.spaced("1 second"), times: 5 })
  )

const cut = ({ proxy }: Broker, millis: number) =>
  Effect.acquireUseRelease(
    Effect.sync(proxy.stall),
    () => pause(millis),
    () =>
      Effect.sync(() => {
        proxy.reset()
        proxy.resume()
      })
  )
