/**
 * A host that freezes in the middle of a step: it prints `frozen`, stops itself, and prints the
 * outcome of the step when it is woken.
 */
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import * as Postgres from "@daybook/store/Postgres"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import { claimOf, put, shelves } from "../shelf.ts"
import { take } from "../taking.ts"

const [name = ""] = process.argv.slice(2)

const say = (line: string) => Fs.writeSync(1, `${line}\n`)

const program = Effect.gen(function* () {
  const store = yield* ReadModelStore
  const table = shelves({ name })
  // The lease has run out when it is checked.
  const claim = yield* claimOf({ name: table.name, generation: 1 }, "frozen", Duration.millis(1))
  const step = put(0, 10, [["a", 666]])
  const ended = yield* Effect.result(
    take(store, table, claim, {
      ...step,
      fold: (rows) => {
        say("frozen")
        process.kill(process.pid, "SIGSTOP")
        return step.fold(rows)
      }
    })
  )
  say(ended._tag === "Failure" ? ended.failure._tag : "written")
})

await Effect.runPromise(
  Effect.provide(program, ReadModelStorePostgres.layer.pipe(Layer.provide(Postgres.layer)))
)
