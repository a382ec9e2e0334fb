/**
 * Runs reactors on a host.
 *
 * @since 0.1.0
 */
import type { EventStoreError } from "@daybook/store/EventStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { ConsumerGroupsError } from "./ConsumerGroup.ts"
import { ConsumerGroups } from "./ConsumerGroups.ts"
import type { GroupStatus } from "./GroupStatus.ts"
import { forever } from "./internal/group/forever.ts"
import { consume } from "./internal/reactor/consume.ts"
import type { Reactor } from "./Reactor.ts"

/**
 * The reactors of this host. Acts on them are those of `ConsumerGroups`, by the reactor's name.
 *
 * @category services
 * @since 0.1.0
 */
export class Reactors extends Context.Service<
  Reactors,
  {
    /** Returns the progress of the reactors of this host, those that have begun. */
    readonly statuses: Effect.Effect<
      ReadonlyArray<GroupStatus>,
      ConsumerGroupsError | EventStoreError
    >
  }
>()("@daybook/reactors/Reactors") {
  /**
   * Runs reactors for as long as it is built, shared with all other hosts that run them.
   *
   * **Details**
   * A failure of the store or of the log is logged, and the reactor begins again after a pause; so
   * is a checkpoint that is not of the log's history, until the group is restarted. Reactions are
   * interrupted when the layer is closed, and repeated by another host.
   * Dies if two reactors have one name.
   */
  static readonly layer = <R = never>(
    reactors: ReadonlyArray<Reactor<R>>
  ): Layer.Layer<Reactors, never, ConsumerGroups | Exclude<R, Scope.Scope>> =>
    Layer.effect(Reactors, make(reactors))
}

const make = Effect.fnUntraced(function* <R>(reactors: ReadonlyArray<Reactor<R>>) {
  const groups = yield* ConsumerGroups
  const names = reactors.map(({ group }) => group.name)
  if (new Set(names).size !== names.length) {
    return yield* Effect.die(new Error(`two reactors have one name: ${names.join(", ")}`))
  }
  yield* Effect.forEach(
    reactors,
    (reactor) =>
      Effect.forkScoped(
        forever(`Reactor ${reactor.group.name}`, groups.run(reactor.group, consume(reactor)))
      ),
    {
      discard: true
    }
  )
  return Reactors.of({
    statuses: Effect.forEach(names, (name) =>
      groups.status(name).pipe(
        Effect.map((status) => [status]),
        // It has not begun yet.
        Effect.catchTag("UnknownGroup", () => Effect.succeed([]))
      )
    ).pipe(
      Effect.map((all) => all.flat()),
      Effect.withSpan("Reactors.statuses")
    )
  })
})
