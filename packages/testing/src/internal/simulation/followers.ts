/**
 * The work beside the commands: subscribers that follow the log, and an operator of the read
 * models.
 */
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type * as StreamId from "@daybook/kernel/StreamId"
import { Projections } from "@daybook/projections/Projections"
import {
  type Checkpoint,
  type CheckpointMismatch,
  position as positionOf
} from "@daybook/store/Checkpoint"
import type { ReadError } from "@daybook/store/EventStore"
import type { SubscriptionPage } from "@daybook/store/Subscription"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Hosts from "./hosts.ts"
import type * as Operator from "./operator.ts"
import type * as World from "./world.ts"

/** Longer than any request takes. */
const PATIENCE = Duration.seconds(30)

/** Operates the read models, on one host after the other. */
export const operate = Effect.fnUntraced(function* (
  world: World.World,
  hosts: Hosts.Hosts,
  operator: ReturnType<typeof Operator.make>,
  names: ReadonlyArray<string>
) {
  const dice = world.dice("operator")
  for (;;) {
    yield* Effect.sleep(Duration.millis(dice.pick([50, 400, 2_000])))
    for (const name of names) {
      const host = yield* hosts.any(dice)
      // Ignores failures here, because it tries again; the end of the history checks the required
      // result.
      yield* Effect.timeoutOption(
        hosts.on(host, operator.tend(Context.get(host.services, Projections), name)),
        PATIENCE
      )
    }
  }
})

/**
 * Runs a subscriber that resumes where it was, on one host after the other. `lives` collects the
 * events it was given before it had to start again.
 */
export const follow = Effect.fnUntraced(function* (
  world: World.World,
  hosts: Hosts.Hosts,
  name: string,
  categories: ReadonlyArray<StreamId.Category>,
  given: Array<RecordedEvent["id"]>,
  lives: Array<ReadonlyArray<string>>
) {
  const dice = world.dice(`subscriber ${name}`)
  let after: Position.Position | Checkpoint = Position.start
  for (;;) {
    const host = yield* hosts.any(dice)
    const pages: Stream.Stream<SubscriptionPage, ReadError | CheckpointMismatch> =
      host.events.subscribePages({ after, categories })
    yield* hosts.on(
      host,
      Stream.runForEach(pages, ({ checkpoint, events }) =>
        Effect.sync(() => {
          // Stores its position together with its work, as a reader must that may not do work
          // twice.
          if (!host.process.isAlive()) return
          const before = positionOf(after)
          for (const { id, position } of events) if (position > before) given.push(id)
          if (checkpoint.position > before) after = checkpoint
        })
      ).pipe(
        Effect.catchTag("CheckpointMismatch", () =>
          Effect.sync(() => {
            if (!host.process.isAlive()) return
            lives.push(given.splice(0))
            after = Position.start
          })
        )
      )
    )
    yield* Effect.sleep("10 millis")
  }
})
