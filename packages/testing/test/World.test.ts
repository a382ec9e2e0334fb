import * as World from "../src/internal/simulation/world.ts"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

/** The least number of steps of the program below. */
const STEPS = 60

describe("A world of a simulation", () => {
  it("wakes who goes to sleep at any step, the steps by which time moves on among them", async () => {
    for (let at = 0; at < STEPS; at++) {
      const world = World.make(1, 0)
      const process = world.process()
      const done = Deferred.makeUnsafe<void>()
      world.onStep = (step) => {
        if (step !== at) return
        Effect.runForkWith(world.contextOf(process))(
          Effect.andThen(Effect.sleep("5 millis"), Deferred.succeed(done, undefined))
        )
      }
      const program = Effect.gen(function* () {
        for (let n = 0; n < 10; n++) yield* Effect.sleep("1 millis")
        yield* Deferred.await(done)
      })
      const exit = await world.run(program)
      assert.isTrue(
        typeof exit !== "string" && Exit.isSuccess(exit),
        `at step ${at}: ${typeof exit === "string" ? exit : exit._tag}`
      )
    }
  })
})
