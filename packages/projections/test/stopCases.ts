/**
 * Events and errors that stop read models, and the ways in which they go on again; on any store.
 */
import * as Projection from "@daybook/kernel/Projection"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModel from "@daybook/projections/ReadModel"
import { ReadModelStoreError } from "@daybook/projections/ReadModelError"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import { CommandHandler } from "@daybook/store/CommandHandler"
import type { EventStore } from "@daybook/store/EventStore"
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
  head,
  host,
  note,
  releases,
  rowOf,
  strike,
  until
} from "./notes.ts"

export const cases = <E>(
  name: string,
  stores: Layer.Layer<EventStore | ReadModelStore, E>
): void => {
  const all = CommandHandler.layer.pipe(Layer.provideMerge(stores))
  layer(all, { timeout: "2 minutes", excludeTestServices: true })(name, (it) => {
    for (const mode of ["async", "inline"] as const) {
      it.effect(`goes on with a newer host, when an old one met its event (${mode})`, () =>
        Effect.gen(function* () {
          const { new: newer, notes, old } = releases()
          yield* execute(notes, "1", note("a"), strike, note("b"))
          const oldLines: Array<string> = []
          const first = yield* host({ [mode]: [old] }, oldLines, "v1")
          const stopped = yield* Effect.flip(caughtUp(first, old.name))
          assert.strictEqual(stopped._tag, "ProjectionStopped")
          const { poison } = yield* first.status(old.name)
          const { reason, revision, stoppedBy } = Option.getOrThrow(poison)
          assert.deepStrictEqual([reason, revision, stoppedBy?.build], ["Undecodable", 2, "v1"])
          // Another host of the same release also meets the event and logs it; it was started
          // later, so it tries the event once.
          const againLines: Array<string> = []
          const again = yield* host({ [mode]: [old] }, againLines, "v1")
          yield* until(Effect.sync(() => againLines.some((line) => line.startsWith("Error"))))
          assert.strictEqual((yield* again.status(old.name)).state, "stopped")
          yield* until(
            Effect.sync(() => oldLines.some((line) => line.includes("does not try it again")))
          )

          const lines: Array<string> = []
          const second = yield* host({ [mode]: [newer] }, lines, "v2")
          yield* caughtUp(second, newer.name)
          if (mode === "inline") {
            yield* until(Effect.map(second.status(newer.name), ({ state }) => state === "inline"))
          }
          assert.deepStrictEqual(yield* rowOf(newer, "1"), { id: "1", text: "ab", struck: true })
          assert.deepStrictEqual((yield* second.status(newer.name)).poison, Option.none())
          assert.isTrue(
            lines.some((line) =>
              /^Info: notes_\w+ was stopped at position \d+, by code \w+ of build v1: this host tries the event again$/.test(
                line
              )
            ),
            lines.join("\n")
          )
        }).pipe(Effect.scoped)
      )
    }

    it.effect("is taken over by a newer host that is there when the old one stops", () =>
      Effect.gen(function* () {
        const { new: newer, notes, old } = releases()
        const first = yield* host({ async: [old] })
        yield* execute(notes, "1", note("a"))
        yield* caughtUp(first, old.name)
        const keeper = (yield* first.status(old.name)).owner
        assert.isTrue(Option.isSome(keeper))
        const second = yield* host({ async: [newer] })
        assert.deepStrictEqual((yield* second.status(newer.name)).owner, keeper)
        yield* execute(notes, "1", strike, note("b"))
        const position = yield* head
        yield* until(Effect.map(second.status(newer.name), (status) => status.position >= position))
        assert.deepStrictEqual(yield* rowOf(newer, "1"), { id: "1", text: "ab", struck: true })
        const status = yield* first.status(old.name)
        assert.strictEqual(status.state, "up to date")
        assert.isTrue(Option.isSome(status.owner))
        assert.notDeepEqual(status.owner, keeper)
      }).pipe(Effect.scoped)
    )

    it.effect("stays stopped where the newest host can't fold the event either", () =>
      Effect.gen(function* () {
        const { new: newer, notes, old } = releases()
        yield* execute(notes, "1", note("refuse"))
        const scope = yield* Scope.make()
        const first = yield* Scope.provide(host({ async: [old] }), scope)
        yield* Effect.flip(caughtUp(first, old.name))
        yield* Scope.close(scope, Exit.void)
        const lines: Array<string> = []
        const second = yield* host({ async: [newer] }, lines, "v2")
        yield* until(Effect.sync(() => lines.some((line) => line.startsWith("Error"))))
        const stopped = yield* Effect.flip(caughtUp(second, newer.name))
        assert.strictEqual(stopped._tag, "ProjectionStopped")
        if (stopped._tag !== "ProjectionStopped") return
        assert.strictEqual(stopped.poison.stoppedBy?.build, "v2")
        const { issue } = stopped.poison
        assert.deepStrictEqual(
          [issue.length, issue.slice(0, 19), issue.slice(-20)],
          [10_000, "Error: refuserefuse", " (6000007 characters)".slice(-20)]
        )
        // The message has 6 MB, and the read model can still be resumed and the event skipped.
        yield* second.resume(newer.name)
        yield* second.skip(newer.name, stopped.poison.position, "it was a test")
        yield* caughtUp(second, newer.name)
      }).pipe(Effect.scoped)
    )

    it.effect(
      "logs its failure to continue with the innermost cause, until it continues again",
      () =>
        Effect.gen(function* () {
          const { new: newer, notes } = releases()
          const store = yield* ReadModelStore
          let failing = true
          const lines: Array<string> = []
          const projections = yield* host({ async: [newer] }, lines).pipe(
            Effect.provideService(ReadModelStore, {
              ...store,
              advance: (table, claim, step) =>
                failing && step.changes.upserts.length > 0
                  ? Effect.fail(
                      new ReadModelStoreError({ operation: "advance", cause: constraint })
                    )
                  : store.advance(table, claim, step)
            })
          )
          assert.deepStrictEqual((yield* projections.status(newer.name)).lastError, Option.none())
          yield* execute(notes, "1", note("a"))
          const lastError = Effect.map(projections.status(newer.name), (status) =>
            Option.getOrUndefined(Option.map(status.lastError, ({ message }) => message))
          )
          yield* until(Effect.map(lastError, (message) => message !== undefined))
          for (let look = 0; look < 100; look++) {
            assert.strictEqual(
              yield* lastError,
              'advance failed: new row violates check constraint "no_tea"',
              `look ${look}`
            )
            yield* Effect.yieldNow
          }
          failing = false
          yield* caughtUp(projections, newer.name)
          yield* until(Effect.map(lastError, (message) => message === undefined))
          yield* until(Effect.sync(() => lines.length > 1))
          assert.deepStrictEqual(lines, [
            `Warn: ${newer.name} can't go on, and tries again until it can: ` +
              'advance failed: new row violates check constraint "no_tea"',
            `Info: ${newer.name} goes on`
          ])
        }).pipe(Effect.scoped)
    )

    it.effect("keeps the error of a shadow beside that of what serves", () =>
      Effect.gen(function* () {
        const { new: newer, notes } = releases()
        const store = yield* ReadModelStore
        yield* execute(notes, "1", note("a"))
        yield* Effect.scoped(
          Effect.flatMap(host({ async: [newer] }), (first) => caughtUp(first, newer.name))
        )
        const second = { ...newer, version: Projection.Version.make(2) }
        const projections = yield* host({ async: [second] }).pipe(
          Effect.provideService(ReadModelStore, {
            ...store,
            promote: () =>
              Effect.fail(new ReadModelStoreError({ operation: "promote", cause: constraint }))
          })
        )
        const building = Effect.map(projections.status(newer.name), (status) =>
          Option.getOrUndefined(
            Option.flatMap(status.building, ({ lastError }) =>
              Option.map(lastError, ({ message }) => message)
            )
          )
        )
        yield* until(Effect.map(building, (message) => message !== undefined))
        for (let look = 0; look < 100; look++) {
          assert.strictEqual(
            yield* building,
            'promote failed: new row violates check constraint "no_tea"'
          )
          yield* Effect.yieldNow
        }
        assert.deepStrictEqual((yield* projections.status(newer.name)).lastError, Option.none())
      }).pipe(Effect.scoped)
    )

    it.effect("is rebuilt to where its rows are, or to a position that is asked for", () =>
      Effect.gen(function* () {
        const { new: newer, notes } = releases()
        const projections = yield* host({ async: [newer] })
        yield* execute(notes, "1", note("a"))
        yield* caughtUp(projections, newer.name)
        const before = (yield* projections.status(newer.name)).position
        yield* projections.pause(newer.name)
        yield* execute(notes, "1", note("b"))
        const after = yield* head
        const rebuilding = yield* Effect.forkScoped(
          Stream.runCollect(projections.rebuild(newer.name, { upTo: after }))
        )
        yield* projections.resume(newer.name)
        const last = (yield* Fiber.join(rebuilding)).at(-1)
        assert.isTrue(last?.switched)
        assert.isTrue(last !== undefined && last.position >= after && last.target >= after)
        assert.strictEqual((yield* rowOf(newer, "1")).text, "ab")
        assert.isTrue(before < after)
        // The poison of the serving rows ends the wait.
        yield* execute(notes, "1", note("refuse"))
        yield* Effect.flip(caughtUp(projections, newer.name))
        const there = (yield* projections.status(newer.name)).position
        const stopped = yield* Effect.flip(
          Stream.runDrain(projections.rebuild(newer.name, { upTo: yield* head }))
        )
        assert.strictEqual(stopped._tag, "ProjectionStopped")
        // Without `upTo` the rebuild ends at their position, and reports it.
        const ended = (yield* Stream.runCollect(projections.rebuild(newer.name))).at(-1)
        assert.deepStrictEqual([ended?.position, ended?.target], [there, there])
        assert.isTrue(ended !== undefined && ended.head > there)
      }).pipe(Effect.scoped)
    )

    it.effect("reads no rows of a version that does not serve yet, and says which one does", () =>
      Effect.gen(function* () {
        const { new: newer, notes } = releases()
        const projections = yield* host({ async: [newer] })
        yield* execute(notes, "1", note("a"))
        yield* caughtUp(projections, newer.name)
        const next = Projection.define({
          name: newer.name,
          version: 2,
          from: [notes],
          row: Schema.Struct({ id: Schema.String, length: Schema.Int }),
          primaryKey: ["id"]
        }).fold({ keys: () => [], initial: () => undefined, apply: () => undefined })
        for (const read of [
          ReadModel.get(next, { id: "1" }),
          Stream.runCollect(ReadModel.query(next, { where: { length: { above: 1 } } }))
        ] as ReadonlyArray<Effect.Effect<unknown, ReadModel.ReadError, ReadModelStore>>) {
          const error = yield* Effect.flip(read)
          assert.instanceOf(error, ReadModel.UnreadableRow)
          assert.strictEqual(
            error.message,
            `Cannot read a row of ${newer.name} as version 2: version 1 serves`
          )
        }
      }).pipe(Effect.scoped)
    )

    it.effect("stops at a row that is too large, with its size, and reads all others", () =>
      Effect.gen(function* () {
        const { new: newer, notes } = releases()
        const projections = yield* host({ async: [newer] })
        const part = "x".repeat(900_000)
        yield* execute(notes, "1", ...Array.from({ length: 9 }, () => note(part)))
        yield* execute(notes, "2", note("b"))
        const stopped = yield* Effect.flip(caughtUp(projections, newer.name))
        assert.strictEqual(stopped._tag, "ProjectionStopped")
        if (stopped._tag !== "ProjectionStopped") return
        // Eight texts, the key, a boolean, and the lengths of three columns fit.
        assert.deepStrictEqual(
          [stopped.poison.revision, stopped.poison.reason, stopped.poison.issue],
          [9, "NoRow", "the row has 8100014 bytes, at most 8000000 are stored"]
        )
        assert.strictEqual((yield* rowOf(newer, "1")).text.length, 7_200_000)
        yield* projections.skip(newer.name, stopped.poison.position, "too large")
        yield* caughtUp(projections, newer.name)
        assert.strictEqual((yield* rowOf(newer, "2")).text, "b")
        yield* Stream.runDrain(projections.rebuild(newer.name))
      }).pipe(Effect.scoped)
    )

    it.effect("keeps events whose row would be too large to be kept by their append", () =>
      Effect.gen(function* () {
        const { new: newer, notes } = releases()
        const projections = yield* host({ inline: [newer] })
        yield* until(Effect.map(projections.status(newer.name), ({ state }) => state === "inline"))
        const appending = yield* Layer.build(
          Layer.fresh(CommandHandler.layer.pipe(Layer.provide(Projections.layerAppends([newer]))))
        )
        const part = "x".repeat(900_000)
        yield* execute(notes, "1", ...Array.from({ length: 10 }, () => note(part))).pipe(
          Effect.provide(appending)
        )
        const stopped = yield* Effect.flip(caughtUp(projections, newer.name))
        assert.strictEqual(stopped._tag, "ProjectionStopped")
        if (stopped._tag !== "ProjectionStopped") return
        assert.deepStrictEqual(
          [stopped.poison.revision, stopped.poison.issue],
          [9, "the row has 8100014 bytes, at most 8000000 are stored"]
        )
        yield* Effect.provide(execute(notes, "1", note("b")), appending)
      }).pipe(Effect.scoped)
    )
  })
}
