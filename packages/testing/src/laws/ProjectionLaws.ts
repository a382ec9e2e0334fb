/**
 * The law of read models under failing hosts: their rows are those of a fold from the first event.
 *
 * {@link laws} plays generated {@link moves} on the stores in its context. Commands are executed
 * and appended; hosts that maintain the read models crash before or after a step takes effect, are
 * closed and replaced, read pages of any size, and rebuild the rows in the middle. At the end, four
 * ways must give the same rows for every projection:
 *
 * 1. the rows that the hosts stored asynchronously;
 * 2. the rows that the appends stored, for an inline copy of the projection;
 * 3. the whole log, folded on demand (`OnDemandProjection.tableAt`);
 * 4. each row folded on demand by itself (`OnDemandProjection.rowAt`).
 *
 * All four share `keys` and `apply`, so none detects a definition that counts wrongly. Give a
 * `model`, which computes the rows from the accepted commands in a way of its own.
 *
 * @since 0.1.0
 */
import type * as Aggregate from "@daybook/kernel/Aggregate"
import type * as Projection from "@daybook/kernel/Projection"
import type * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import * as OnDemandProjection from "@daybook/projections/OnDemandProjection"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModel from "@daybook/projections/ReadModel"
import type { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import { defaults, RunnerSettings } from "@daybook/projections/RunnerSettings"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as Arbitrary from "effect/Arbitrary"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as assert from "../internal/assert.ts"
import { type Fault, frail } from "../internal/frailStores.ts"
import { inlineCopy } from "../internal/inlineCopy.ts"
import { renderLine } from "../internal/render.ts"
import * as Law from "../Law.ts"

/**
 * Something that happens to a log and to the hosts that maintain read models of it.
 *
 * **Details**
 * `Execute`: runs commands on one of a few instances. `CatchUp`: the hosts fold all that is
 * recorded. `Crash`: the host dies at one of its next `steps`, before or after the step takes
 * effect, and another one starts. `Replace`: the host is closed and another one starts. `Pages`:
 * sets the page size of the next hosts. `Rebuild`: rebuilds all read models.
 *
 * @category types
 * @since 0.1.0
 */
export type Move<Command> =
  | {
      readonly _tag: "Execute"
      readonly instance: number
      readonly commands: ReadonlyArray<Command>
    }
  | { readonly _tag: "CatchUp" }
  | { readonly _tag: "Crash"; readonly when: "before" | "after"; readonly steps: number }
  | { readonly _tag: "Replace" }
  | { readonly _tag: "Pages"; readonly events: number }
  | { readonly _tag: "Rebuild" }

/**
 * A schema that moves are generated from. Give a schema of few commands, so that some of them are
 * accepted.
 *
 * @category schemas
 * @since 0.1.0
 */
export const moves = <Command>(
  command: Schema.Codec<Command, unknown>
): Schema.Codec<ReadonlyArray<Move<Command>>, unknown> => {
  const execute = Schema.TaggedStruct("Execute", {
    instance: Schema.Literals([0, 0, 1, 2]),
    commands: Schema.Array(command).check(Schema.isMinLength(1), Schema.isMaxLength(4))
  })
  const host = Schema.TaggedUnion({
    CatchUp: {},
    Crash: { when: Schema.Literals(["before", "after"]), steps: Schema.Literals([0, 1, 2]) },
    Replace: {},
    Pages: { events: Schema.Literals([1, 2, 3, 100]) },
    Rebuild: {}
  })
  return Schema.Array(Schema.Union([execute, host, execute, execute])).check(
    Schema.isMinLength(4),
    Schema.isMaxLength(24)
  )
}

/**
 * An accepted command with its events, from which a model recomputes rows.
 *
 * @category types
 * @since 0.1.0
 */
export interface Accepted<out Command> {
  /** The id of the instance that executed it. */
  readonly id: string
  readonly command: Command
  /** The events that the command recorded. */
  readonly recorded: ReadonlyArray<RecordedEvent>
}

/**
 * The domain that the law is checked on.
 *
 * @category types
 * @since 0.1.0
 */
export interface Domain<Command, State, Event, Rejection> {
  readonly aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>
  readonly projections: ReadonlyArray<Projection.Any>
  /**
   * Computes the rows of each projection, by its name, from the accepted commands in their order;
   * the order of rows does not matter.
   */
  readonly model?: (
    accepted: ReadonlyArray<Accepted<Command>>
  ) => ReadonlyMap<string, ReadonlyArray<unknown>>
  /**
   * The lease of the hosts; 250 ms by default. After each host that dies, the next one waits for it
   * by the clock of the stores.
   */
  readonly lease?: Duration.Input
}

/**
 * A log with hosts that maintain read models of it.
 *
 * @category types
 * @since 0.1.0
 */
export interface World<in Command> {
  /** Applies a move to the log and the hosts. */
  readonly play: (move: Move<Command>) => Effect.Effect<void, unknown>
  /** Catches up, and dies when the rows are not those of a fold from the first event. */
  readonly check: Effect.Effect<void, unknown>
}

/**
 * Starts a host on the stores in the context, which should hold no other data of these read models.
 *
 * @category constructors
 * @since 0.1.0
 */
export const begin = Effect.fnUntraced(function* <Command, State, Event, Rejection>(
  domain: Domain<Command, State, Event, Rejection>
): Effect.fn.Return<World<Command>, unknown, EventStore | ReadModelStore | Scope.Scope> {
  const { aggregate, lease = "250 millis", model, projections } = domain
  const stores = yield* Effect.context<EventStore | ReadModelStore>()
  const events = Context.get(stores, EventStore)
  const run = SecureRandom.uuidV4Unsafe().slice(0, 8)
  const inline = projections.map(inlineCopy)
  const hosts = yield* makeHosts(stores, lease, projections, inline)
  const appending = yield* Layer.build(
    Layer.fresh(CommandHandler.layer.pipe(Layer.provide(Projections.layerAppends(inline))))
  )
  const handler = Context.get(appending, CommandHandler)
  const accepted: Array<Accepted<Command>> = []

  const execute = Effect.fnUntraced(function* (id: string, command: Command) {
    const executed = yield* Effect.result(handler.execute(aggregate, id, command))
    if (Result.isFailure(executed)) return
    const { revision, streamId } = executed.success
    const from = Revision.make(revision - executed.success.events.length + 1)
    const recorded = yield* Stream.runCollect(events.read(streamId, { from, to: revision }))
    accepted.push({ id, command, recorded })
  })
  const caughtUp = Effect.flatMap(events.head, (head) => hosts.catchUp(head))

  const play = (move: Move<Command>): Effect.Effect<void, unknown> => {
    switch (move._tag) {
      case "Execute":
        return Effect.forEach(
          move.commands,
          (command) => execute(`${run}-${move.instance}`, command),
          { discard: true }
        )
      case "CatchUp":
        return caughtUp
      case "Crash":
        return hosts.crash({ when: move.when, steps: move.steps })
      case "Replace":
        return hosts.replace
      case "Pages":
        return Effect.sync(() => hosts.readPagesOf(move.events))
      case "Rebuild":
        return hosts.rebuild(caughtUp)
    }
  }

  const check = Effect.gen(function* () {
    yield* caughtUp
    yield* hosts.areInline
    const expected = model?.(accepted)
    for (const [index, projection] of projections.entries()) {
      const copy = inline[index] ?? projection
      yield* compare(projection, copy, expected?.get(projection.name))
    }
  }).pipe(Effect.provide(stores))

  // Otherwise the first appends would not maintain the inline copies.
  yield* hosts.areInline
  return { play, check }
})

/** Compares the rows of a projection from four sources, and with the rows of a model. */
const compare = Effect.fnUntraced(function* (
  projection: Projection.Any,
  copy: Projection.Any,
  modelled: ReadonlyArray<unknown> | undefined
) {
  const { name } = projection
  const stored = yield* allRows(projection)
  const kept = { name, rows: yield* comparable(projection, stored) }
  assert.deepStrictEqual(
    kept,
    { name, rows: yield* comparable(projection, yield* OnDemandProjection.tableAt(projection)) },
    "rows stored after the log, and folded from all of it"
  )
  assert.deepStrictEqual(
    { name, rows: yield* comparable(copy, yield* allRows(copy)) },
    kept,
    "rows stored by the appends, and after the log"
  )
  for (const row of stored) {
    const alone = yield* OnDemandProjection.rowAt(projection, row)
    assert.deepStrictEqual(
      yield* comparable(projection, Option.toArray(alone)),
      yield* comparable(projection, [row]),
      `a row of ${name} folded by itself, and stored`
    )
  }
  if (modelled === undefined) return
  assert.deepStrictEqual(
    kept,
    // The encoding of the row checks the rows of the model.
    { name, rows: yield* comparable(projection, modelled as ReadonlyArray<object>) },
    "rows stored, and computed from the accepted commands"
  )
})

/**
 * The laws of read models on any domain: one law, {@link kept}, on generated moves.
 *
 * @category laws
 * @since 0.1.0
 */
export const laws = <Command, State, Event, Rejection>(options: {
  /** The schema of the commands, see {@link moves}. */
  readonly commands: Schema.Codec<NoInfer<Command>, unknown>
  /**
   * Builds the domain of a history. The stores still hold the events and rows of earlier histories,
   * so the category and the projections need names of their own each time.
   */
  readonly domain: () => Domain<Command, State, Event, Rejection>
}): ReadonlyArray<Law.Law<EventStore | ReadModelStore>> => [
  Law.make({
    name: "rows are those of a fold from the first event, whatever happens to their hosts",
    inputs: () => Arbitrary.schema(moves(options.commands)),
    problem: (moves) => Effect.as(kept(options.domain(), moves), undefined),
    show: (moves) => ["after these moves:", ...moves.map(renderLine)].join("\n"),
    size: 10
  })
]

/**
 * After all moves, the stored rows are those of a fold from the first event, from every source.
 *
 * @category laws
 * @since 0.1.0
 */
export const kept = <Command, State, Event, Rejection>(
  domain: Domain<Command, State, Event, Rejection>,
  moves: ReadonlyArray<Move<Command>>
): Effect.Effect<void, unknown, EventStore | ReadModelStore> =>
  Effect.gen(function* () {
    const world = yield* begin(domain)
    yield* Effect.forEach(moves, world.play, { discard: true })
    yield* world.check
  }).pipe(Effect.scoped)

const allRows = (projection: Projection.Any) => Stream.runCollect(ReadModel.query(projection, {}))

/** Encodes rows to their stored form, in the order of their keys. */
const comparable = Effect.fnUntraced(function* (
  projection: Projection.Any,
  rows: ReadonlyArray<object>
) {
  const table = yield* Effect.fromResult(ReadModelTable.make(projection))
  const stored = yield* Effect.forEach(rows, (row) => Effect.fromResult(table.encode(row)))
  return stored.toSorted((a, b) => (table.keyText(a) < table.keyText(b) ? -1 : 1))
})

interface Host {
  readonly scope: Scope.Closeable
  readonly projections: Projections["Service"]
  /** Cuts the host off: none of its calls reaches the stores any more, not even the last one. */
  readonly die: () => void
}

/** Starts a host, and replaces it by another one as often as moves say. */
const makeHosts = Effect.fnUntraced(function* (
  stores: Context.Context<EventStore | ReadModelStore>,
  lease: Duration.Input,
  async: ReadonlyArray<Projection.Any>,
  inline: ReadonlyArray<Projection.Any>
) {
  const outer = yield* Scope.Scope
  // A host that died leaves its claims behind; the next one polls until they are free.
  const pollInterval = Duration.times(Duration.fromInputUnsafe(lease), 0.1)
  const settings = { ...defaults, lease, pollInterval }
  let pageSize = 100
  let dying: Fault | undefined

  const start = Effect.gen(function* () {
    const scope = yield* Scope.fork(outer)
    const { die, layer } = frail(stores, { pageSize, fault: dying })
    const built = yield* Layer.buildWithScope(
      Layer.fresh(Projections.layerRunner({ async, inline })).pipe(Layer.provide(layer)),
      scope
    ).pipe(Effect.provideService(RunnerSettings, settings))
    return { scope, projections: Context.get(built, Projections), die }
  })
  let running: Host = yield* start
  const replace = Effect.gen(function* () {
    yield* Scope.close(running.scope, Exit.void)
    running = yield* start
  })
  const replaceDead = Effect.gen(function* () {
    if (dying === undefined) return
    running.die()
    dying = undefined
    yield* replace
  })
  const names = [...async, ...inline].map(({ name }) => name)
  /** Waits until the running host has caught up. One that is due to die may do so on the way. */
  const catchUp = (position: Position.Position) =>
    Effect.gen(function* () {
      yield* replaceDead
      const host = running
      yield* Effect.forEach(names, (name) => host.projections.waitFor(name, position, "20 seconds"))
    })
  return {
    /** Closes the running host, and starts another one. */
    replace,
    catchUp,
    crash: (fault: Fault) =>
      Effect.gen(function* () {
        yield* replaceDead
        dying = fault
        yield* replace
      }),
    /** Rebuilds all read models. A host that is due to die may do so on the way. */
    rebuild: (caughtUp: Effect.Effect<void, unknown>) =>
      Effect.gen(function* () {
        if (dying === undefined) yield* caughtUp
        const host = running
        const rebuilds = Effect.forEach(
          names,
          (name) => Stream.runDrain(host.projections.rebuild(name)),
          { discard: true }
        )
        if (dying === undefined) return yield* rebuilds
        yield* Effect.forkIn(Effect.ignore(rebuilds), host.scope)
      }),
    /** Waits until the appends maintain the copies. */
    areInline: Effect.suspend(() =>
      Effect.forEach(
        inline,
        ({ name }) =>
          Effect.repeat(running.projections.status(name), {
            until: ({ state }) => state === "inline",
            schedule: Schedule.spaced("5 millis")
          }),
        { discard: true }
      )
    ),
    readPagesOf: (events: number) => {
      pageSize = events
    }
  }
})
