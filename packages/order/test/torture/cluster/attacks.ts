/**
 * The attacks on a cluster of three servers and on the hosts of its log.
 */
import type * as PostgresCluster from "@daybook/testing/PostgresCluster"
import * as Effect from "effect/Effect"
import type { Host } from "./host.ts"

export const kinds = {
  "primary-killed": "the primary is killed (SIGKILL), and a standby promoted",
  "primary-frozen": "the primary hangs (SIGSTOP), a standby is promoted, and the old one lives on",
  "primary-outlived": "the primary is killed, a standby promoted, and the old one started again",
  "primary-behind": "replication is cut, and a standby without the last events promoted",
  "primary-split": "replication is cut, and a standby promoted beside the primary",
  "replication-cut": "a standby receives nothing for a while",
  "host-killed": "a host is killed and another one started",
  "host-frozen": "a host hangs for longer than its leases, and continues"
} as const

export type Kind = keyof typeof kinds

/** The attacks under which a quorum has to keep every acknowledged append. */
export const keeping: ReadonlyArray<Kind> = [
  "primary-killed",
  "host-killed",
  "primary-frozen",
  "replication-cut",
  "primary-outlived",
  "host-frozen"
]

/** Those that lose appends of asynchronous standbys too. */
export const losing: ReadonlyArray<Kind> = [
  "primary-behind",
  "host-killed",
  "primary-split",
  "primary-killed",
  "replication-cut",
  "primary-frozen",
  "host-frozen"
]

export interface Battlefield {
  readonly cluster: PostgresCluster.Cluster
  readonly hosts: ReadonlyArray<Host>
  /** The primary, which attacks change. */
  primary: PostgresCluster.Member
}

export const attack = Effect.fnUntraced(function* (
  kind: Kind,
  field: Battlefield,
  pick: <A>(members: ReadonlyArray<A>) => A
) {
  const { cluster, hosts, primary } = field
  const [one, other] = cluster.members.filter((member) => member !== primary)
  if (one === undefined || other === undefined) return
  const standbys = [one, other] as const
  const behind = Effect.andThen(
    Effect.forEach(standbys, ({ cut }) => cut, { discard: true }),
    Effect.sleep("700 millis")
  )
  const failOver = Effect.tap(cluster.failOver(standbys), (next) =>
    Effect.sync(() => {
      field.primary = next
    })
  )
  /** The old primary takes writes from those who come to it, and is then made a standby. */
  const livesOn = Effect.sleep("3 seconds")
  const rebuild = Effect.andThen(
    primary.kill,
    Effect.suspend(() => primary.rebuild(field.primary))
  )
  switch (kind) {
    case "primary-killed":
      yield* primary.kill
      yield* failOver
      return yield* primary.rebuild(field.primary)
    case "primary-frozen":
      yield* primary.freeze
      yield* failOver
      yield* primary.thaw
      yield* livesOn
      return yield* rebuild
    case "primary-outlived":
      yield* primary.kill
      yield* failOver
      yield* primary.start
      yield* livesOn
      return yield* rebuild
    case "primary-behind":
      yield* behind
      yield* primary.kill
      yield* failOver
      return yield* primary.rebuild(field.primary)
    case "primary-split":
      yield* behind
      yield* failOver
      yield* livesOn
      return yield* rebuild
    case "replication-cut": {
      const cut = pick(standbys)
      yield* cut.cut
      yield* Effect.sleep("1500 millis")
      return yield* cut.follow(primary)
    }
    case "host-killed":
      return pick(hosts).signal("SIGKILL")
    case "host-frozen": {
      const host = pick(hosts)
      host.signal("SIGSTOP")
      yield* Effect.sleep("5 seconds")
      host.signal("SIGCONT")
    }
  }
})
