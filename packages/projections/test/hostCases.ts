/**
 * Hosts with read models that don't go on: each is logged once, and retried when a host starts; on
 * any store.
 */
import * as LogId from "@daybook/kernel/LogId"
import * as Position from "@daybook/kernel/Position"
import * as Projection from "@daybook/kernel/Projection"
import { OtherLog, ReadModelStoreError } from "@daybook/projections/ReadModelError"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as Checkpoint from "@daybook/store/Checkpoint"
import { EventStore } from "@daybook/store/EventStore"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import {
  caughtUp,
  constraint,
  execute,
  host,
  note,
  recording,
  releases,
  strike,
  until
} from "./notes.ts"

/** The error of a server that shuts down. */
const away = Object.assign(new Error("terminating connection"), { code: "57P01" })

const LOST = "Warn: Read models have lost their store, and try again until they have it back: "
const BACK = "Info: Read models have their store back"

/** A store with an outage that a test controls, and a count of its reads of states. */
const leaving = Effect.map(ReadModelStore, (store) => {
  const state = { isAway: false, looks: 0, failures: 0, failedRenewals: 0 }
  const failing = <A, E>(operation: string, effect: Effect.Effect<A, E>) =>
    Effect.suspend((): Effect.Effect<A, E | ReadModelStoreError> => {
      if (!state.isAway) return effect
      state.failures++
      if (operation === "renew") state.failedRenewals++
      return new ReadModelStoreError({ operation, cause: away })
    })
  const wrapped: ReadModelStore["Service"] = {
    ...store,
    renew: (renewals) => failing("renew", store.renew(renewals)),
    claim: (...of) => failing("claim", store.claim(...of)),
    load: (table, claim, step) =>
      Effect.suspend(() =>
        state.isAway
          ? new ReadModelStoreError({ operation: "load", cause: away })
          : store.load(table, claim, step)
      ),
    advance: (table, claim, step) =>
      Effect.suspend(() =>
        state.isAway
          ? new ReadModelStoreError({ operation: "advance", cause: away })
          : store.advance(table, claim, step)
      ),
    states: (...names) =>
      Effect.tap(failing("states", store.states(...names)), () =>
        Effect.sync(() => {
          state.looks++
        })
      )
  }
  return { state, store: wrapped }
})

/** Waits for some polls by each loop of the host. */
const looks = (state: { readonly looks: number }) =>
  Effect.suspend(() => {
    const from = state.looks
    return until(Effect.sync(() => state.looks > from + 20))
  })

const mismatch = new Checkpoint.CheckpointMismatch({
  reason: {
    _tag: "PastHead",
    position: Position.make(9n),
    head: Position.make(1n),
    log: LogId.make("00000000-0000-4000-8000-000000000000")
  }
})

export const cases = <E>(
  name: string,
  stores: Layer.Layer<EventStore | ReadModelStore, E>
): void => {
  const all = CommandHandler.layer.pipe(Layer.provideMerge(stores))
  layer(all, { timeout: "2 minutes", excludeTestServices: true })(name, (it) => {
    it.effect("reports each outage, also while the rows are of another history", () =>
      Effect.gen(function* () {
        const { new: newer, notes } = releases()
        yield* execute(notes, "1", note("a"))
        const { state, store } = yield* leaving
        const events = yield* EventStore
        let isRestored = false
        const lines: Array<string> = []
        const projections = yield* host({ async: [newer] }, lines).pipe(
          Effect.provideService(ReadModelStore, store),
          Effect.provideService(EventStore, {
            ...events,
            verify: (of) =>
              Effect.suspend(() => (isRestored ? Effect.fail(mismatch) : events.verify(of)))
          })
        )
        yield* caughtUp(projections, newer.name)
        const count = (line: string) => lines.filter((one) => one.startsWith(line)).length
        // Both of its loops meet the outage; the one that maintains the rows, when it renews its
        // claim.
        const outage = (isOver: () => boolean) =>
          Effect.gen(function* () {
            const told = count(LOST)
            const failures = state.failures
            state.isAway = true
            yield* until(Effect.sync(() => isOver() && state.failures > failures + 5))
            assert.isAbove(count(LOST), told)
          })
        yield* outage(() => state.failedRenewals > 0)
        isRestored = true
        state.isAway = false
        yield* until(Effect.sync(() => count(BACK) === count(LOST)))
        yield* looks(state)
        yield* outage(() => true)
        state.isAway = false
        yield* until(Effect.sync(() => count(BACK) === count(LOST)))
      }).pipe(Effect.scoped)
    )

    it.effect("reports its own stop in one line", () =>
      Effect.gen(function* () {
        const { new: newer, notes } = releases()
        yield* execute(notes, "1", note("refuse"))
        const { state, store } = yield* leaving
        const lines: Array<string> = []
        const projections = yield* host({ async: [newer] }, lines).pipe(
          Effect.provideService(ReadModelStore, store)
        )
        yield* Effect.flip(caughtUp(projections, newer.name))
        yield* looks(state)
        assert.deepStrictEqual(
          lines.map((line) => line.split(" at position")[0]),
          [`Error: ${newer.name} stopped`]
        )
      }).pipe(Effect.scoped)
    )

    it.effect("logs once why a dropped read model can't begin again, until it does", () =>
      Effect.gen(function* () {
        const { new: newer } = releases()
        const second = { ...newer, version: Projection.Version.make(2) }
        yield* Effect.scoped(host({ async: [newer] }))
        const { state, store } = yield* leaving
        let isRefused = false
        const given = LogId.make("00000000-0000-4000-8000-000000000000")
        const kept = LogId.make("00000000-0000-4000-8000-000000000001")
        const lines: Array<string> = []
        const projections = yield* host({ async: [second] }, lines).pipe(
          Effect.provideService(ReadModelStore, {
            ...store,
            open: (table, options) =>
              Effect.suspend(() =>
                isRefused
                  ? new OtherLog({ name: table.name, kept, given })
                  : store.open(table, options)
              ),
            promote: () => Effect.never
          })
        )
        isRefused = true
        yield* projections.drop(newer.name, 2)
        const told = Effect.sync(() => lines.filter((line) => line.includes(kept)))
        yield* until(Effect.map(told, ({ length }) => length > 0))
        yield* looks(state)
        assert.strictEqual((yield* told).length, 1)
        isRefused = false
        yield* until(
          Effect.map(projections.generations(newer.name), (states) =>
            states.some(({ role }) => role === "shadow")
          )
        )
      }).pipe(Effect.scoped)
    )

    it.effect("says nothing of going on when a rebuild gave up", () =>
      Effect.gen(function* () {
        const { new: newer, notes } = releases()
        yield* execute(notes, "1", note("a"))
        const store = yield* ReadModelStore
        const lines: Array<string> = []
        const projections = yield* host({ async: [newer] }, lines).pipe(
          Effect.provideService(ReadModelStore, {
            ...store,
            promote: () =>
              Effect.fail(new ReadModelStoreError({ operation: "promote", cause: constraint }))
          })
        )
        yield* caughtUp(projections, newer.name)
        const failed = yield* Effect.flip(Stream.runDrain(projections.rebuild(newer.name))).pipe(
          Effect.provide(recording(lines))
        )
        assert.strictEqual(failed._tag, "ReadModelStoreError")
        assert.isTrue(lines.some((line) => line.includes("can't go on")))
        assert.deepStrictEqual(
          lines.filter((line) => line.endsWith("goes on")),
          []
        )
      }).pipe(Effect.scoped)
    )

    it.effect("leaves what is stopped as it was when its start fails", () =>
      Effect.gen(function* () {
        const { new: newer, notes, old } = releases()
        yield* execute(notes, "1", strike)
        const scope = yield* Scope.make()
        const first = yield* Scope.provide(host({ async: [old] }), scope)
        yield* Effect.flip(caughtUp(first, old.name))
        const { poison } = yield* first.status(old.name)
        assert.isTrue(Option.isSome(poison))
        yield* Scope.close(scope, Exit.void)
        const store = yield* ReadModelStore
        const poisonNow = Effect.map(store.states(old.name), ([state]) => state?.poison)

        // Another read model of the host can't be opened.
        const other = releases().new
        yield* Effect.scoped(host({ async: [other] }))
        const changed = Projection.define({
          name: other.name,
          version: 1,
          from: other.from,
          row: Schema.Struct({ id: Schema.String }),
          primaryKey: ["id"]
        }).fold({ keys: () => [], initial: () => undefined, apply: () => undefined })
        const refused = yield* Effect.flip(Effect.scoped(host({ async: [newer, changed] })))
        assert.strictEqual(refused._tag, "DefinitionChanged")
        assert.deepStrictEqual(yield* poisonNow, poison)

        // Or the store is away when the next read model is opened.
        const third = releases()
        yield* execute(third.notes, "1", note("a"))
        const failed = yield* Effect.flip(
          Effect.scoped(host({ async: [newer, third.new] })).pipe(
            Effect.provideService(ReadModelStore, {
              ...store,
              states: (...names) =>
                names.includes(third.new.name)
                  ? Effect.fail(new ReadModelStoreError({ operation: "states", cause: away }))
                  : store.states(...names)
            })
          )
        )
        assert.strictEqual(failed._tag, "ReadModelStoreError")
        assert.deepStrictEqual(yield* poisonNow, poison)
      }).pipe(Effect.scoped)
    )

    it.effect("rebuilds to the position that is asked for, where rows are not compared", () =>
      Effect.gen(function* () {
        const { new: newer, notes } = releases()
        yield* execute(notes, "1", note("a"))
        yield* Effect.scoped(
          Effect.flatMap(host({ async: [newer] }), (first) => caughtUp(first, newer.name))
        )
        const second = { ...newer, version: Projection.Version.make(2) }
        const { state, store } = yield* leaving
        const events = yield* EventStore
        // The settled position that this host reads: it does not include the last append yet.
        let settled = yield* events.checkpoint
        yield* execute(notes, "1", note("b"))
        const last = yield* Stream.runHead(events.readAll({ direction: "backward", limit: 1 }))
        const upTo = Option.getOrThrow(last).position
        const building = yield* host({ async: [second] }).pipe(
          Effect.provideService(ReadModelStore, {
            ...store,
            // The building loop leaves the shadow to the rebuild.
            claim: (of, owner, lease, despite) =>
              owner.includes("rebuild")
                ? store.claim(of, owner, lease, despite)
                : Effect.succeedNone
          }),
          Effect.provideService(EventStore, { ...events, checkpoint: Effect.sync(() => settled) })
        )
        const rebuilding = yield* Effect.forkScoped(
          Stream.runCollect(building.rebuild(newer.name, { upTo }))
        )
        yield* looks(state)
        assert.isTrue(
          (yield* building.generations(newer.name)).every(
            ({ role, version }) => role !== "serving" || version === 1
          )
        )
        settled = yield* events.checkpoint
        const rebuilt = (yield* Fiber.join(rebuilding)).at(-1)
        assert.isTrue(rebuilt?.switched)
        // A build without comparison ends at the settled position.
        assert.isTrue(rebuilt !== undefined && rebuilt.position >= upTo)
      }).pipe(Effect.scoped)
    )
  })
}
