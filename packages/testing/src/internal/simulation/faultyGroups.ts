/**
 * Wraps the rows of consumer groups with the connection of a host, which loses calls.
 */
import { ConsumerGroupsError } from "@daybook/reactors/ConsumerGroup"
import type { GroupDriver } from "@daybook/reactors/driver/GroupDriver"
import * as Effect from "effect/Effect"
import type { Connection } from "./connection.ts"
import { LOST } from "./lost.ts"

const FAULTS = { unsent: "groups-unsent", unacknowledged: "groups-unacknowledged" } as const

export const make = (groups: GroupDriver, { call, change }: Connection): GroupDriver => {
  const changed = <A, E, R>(
    operation: string,
    effect: Effect.Effect<A, E | ConsumerGroupsError, R>
  ): Effect.Effect<A, E | ConsumerGroupsError, R> =>
    change(
      FAULTS,
      effect,
      Effect.suspend(() => Effect.fail(new ConsumerGroupsError({ operation, cause: LOST })))
    )
  return {
    undoes: groups.undoes,
    names: call(groups.names),
    open: (name, filter, start) => changed("open", groups.open(name, filter, start)),
    tick: (name, host) => changed("tick", groups.tick(name, host)),
    leave: (name, owner) => changed("leave", groups.leave(name, owner)),
    // The work runs in the process of the host, before the call: it must end with the host, and in
    // memory nothing is undone either.
    commit: (lease, checkpoint, work) =>
      Effect.flatMap(work ?? Effect.undefined, (answer) =>
        Effect.as(changed("commit", groups.commit(lease, checkpoint, undefined)), answer)
      ),
    change: (lease, to, work) =>
      Effect.flatMap(work, (answer) =>
        changed("change", groups.change(lease, to, Effect.succeed(answer)))
      ),
    state: (name) => call(groups.state(name)),
    waiting: (name, key, positions) => call(groups.waiting(name, key, positions)),
    ask: (name, act, key, why) => changed("ask", groups.ask(name, act, key, why)),
    restart: (name, checkpoint, why) => changed("restart", groups.restart(name, checkpoint, why)),
    forget: (name, why) => changed("forget", groups.forget(name, why)),
    acts: (name) => call(groups.acts(name))
  }
}
