/**
 * The statements of a host with many read models on a server.
 */
import { Projections } from "@daybook/projections/Projections"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Statement from "effect/sql/Statement"
import * as TestClock from "effect/testing/TestClock"
import * as PostgresLayers from "./postgresLayers.ts"
import { aggregateOf, takings } from "./Till.ts"

const MODELS = 100
const COMMANDS = 20

/** The statements of a read-model store to a command: look, load, step, look, and one to spare. */
const STATEMENTS = 5

layer(CommandHandler.layer.pipe(Layer.provideMerge(PostgresLayers.server)), {
  timeout: "2 minutes"
})("A host with 100 read models on a server", (it) => {
  // The test's clock stands still, so that no poll counts.
  it.effect("costs a command what its own read model costs, and the others one statement", () =>
    Effect.gen(function* () {
      const tills = Array.from({ length: MODELS }, (_, n) => aggregateOf(`till_${n}`))
      const models = tills.map((till, n) => takings(till, `takings_${n}`))
      const names = models.map(({ name }) => name)
      const [[till], [first]] = [tills, names]
      if (till === undefined || first === undefined) return assert.fail("there are read models")
      const statements: Array<string> = []
      const counting: Statement.Transformer = (statement) =>
        Effect.sync(() => {
          const [text] = statement.compile()
          if (text.includes(`"read_models"`)) statements.push(text)
          return statement
        })
      const host = yield* Layer.build(Projections.layer({ async: models })).pipe(
        Effect.provideService(Statement.CurrentTransformer, counting)
      )
      const projections = Context.get(host, Projections)
      const handler = yield* CommandHandler
      const store = yield* ReadModelStore
      const sell = handler.execute(till, "1", { _tag: "Sell", product: "tea", cents: 1 })
      const { position: begun } = yield* sell
      yield* Effect.forEach(names, (name) => projections.waitFor(name, begun, "1 hour"), {
        concurrency: "unbounded"
      })
      statements.length = 0
      for (let n = 0; n < COMMANDS; n++) {
        const { position } = yield* sell
        yield* projections.waitFor(first, position, "1 hour")
      }
      assert.isAtMost(statements.length, COMMANDS * STATEMENTS, statements.join("\n"))

      statements.length = 0
      const settled = (yield* (yield* EventStore).checkpoint).position
      yield* TestClock.adjust("1 second")
      yield* Effect.repeat(store.states(...names), {
        until: (states) => states.every(({ checkpoints }) => checkpoints[0] === settled)
      })
      const [looks, renewals] = ["LATERAL", "SKIP LOCKED"].map(
        (part) => statements.filter((text) => text.includes(part)).length
      )
      assert.deepStrictEqual([looks, renewals], [1, 1], statements.join("\n"))
    }).pipe(Effect.scoped)
  )
})
