/**
 * Services that end their host between any two of the runner's acts.
 */
import { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import { ProcessTimers } from "@daybook/reactors/ProcessTimers"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { MinimumLogLevel } from "effect/References"

/** True in the work of a transaction: the host dies before all of it, or after it. */
const InWork = Context.Reference<boolean>("@daybook/testing/crashes/InWork", {
  defaultValue: () => false
})

/**
 * Runs a host that dies after its act number `last`, from 0, before it learns of the act's success.
 * Nothing that the host does later has an effect. Returns whether it died.
 */
export const dyingAt =
  (last: number) =>
  <A, E, R>(
    program: Effect.Effect<A, E, R>
  ): Effect.Effect<boolean, E, R | ConsumerGroups | CommandHandler | ProcessTimers> =>
    Effect.gen(function* () {
      const [groups, handler, timers] = [
        yield* ConsumerGroups,
        yield* CommandHandler,
        yield* ProcessTimers
      ]
      let number = 0
      const died = yield* Deferred.make<void>()
      const dead = Effect.andThen(Deferred.succeed(died, undefined), Effect.die(new Error("dead")))
      const act = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
        Effect.flatMap(InWork, (inWork) =>
          inWork
            ? effect
            : number > last
              ? dead
              : Effect.tap(effect, () => (number++ === last ? dead : Effect.void))
        )
      return yield* program.pipe(
        Effect.as(false),
        Effect.provideService(
          ConsumerGroups,
          ConsumerGroups.of({
            ...groups,
            run: (group, consume) =>
              groups.run(group, (assignment) =>
                consume({
                  ...assignment,
                  commit: (checkpoint) => act(assignment.commit(checkpoint)),
                  // A dead host holds nothing back.
                  hold: (held) => act(assignment.hold(held)),
                  commitWith: (checkpoint, work) =>
                    act(
                      assignment.commitWith(checkpoint, Effect.provideService(work, InWork, true))
                    )
                })
              )
          })
        ),
        Effect.provideService(
          CommandHandler,
          CommandHandler.of({
            ...handler,
            executeAll: (aggregate, id, requests, options) =>
              act(handler.executeAll(aggregate, id, requests, options))
          })
        ),
        Effect.provideService(
          ProcessTimers,
          ProcessTimers.of({
            ...timers,
            remove: (process, removed) => act(timers.remove(process, removed))
          })
        ),
        Effect.raceFirst(Effect.as(Deferred.await(died), true)),
        // The errors of a dead host are no news.
        Effect.provideService(MinimumLogLevel, "None")
      )
    })
