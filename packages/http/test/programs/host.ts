/** A host that says when it runs and when it closes; the argument tells how it does so. */
import * as NodeProcess from "@daybook/http/NodeProcess"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as process from "node:process"

const [how = ""] = process.argv.slice(2)

const close: Record<string, Effect.Effect<void>> = {
  orderly: Console.log("closed"),
  endless: Effect.andThen(Console.log("closing"), Effect.never),
  late: Effect.never,
  broken: Effect.die(new Error("no lid"))
}

const host = Effect.gen(function* () {
  if (how === "failing") return yield* Effect.fail(new Error("no port"))
  yield* Effect.addFinalizer(() => close[how] ?? Effect.void)
  yield* Console.log("running")
  return yield* Effect.never
})

NodeProcess.run(Effect.scoped(host), {
  name: "host",
  ...(how === "late" ? { closeWithin: 1 } : undefined)
})
