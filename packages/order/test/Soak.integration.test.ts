import * as PostgresServer from "@daybook/testing/PostgresServer"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { faultsOf } from "./soak/progress.ts"
import { soak } from "./soak/soak.ts"
import { fit, grows } from "./soak/trend.ts"

layer(PostgresServer.PostgresServer.layer, { timeout: 300_000, excludeTestServices: true })(
  "A soak",
  (it) => {
    it.effect(
      "samples what is held, names the host that leaks and the read model that stopped",
      () =>
        Effect.gen(function* () {
          const { commands, errors, followers, series } = yield* soak({
            roles: ["first", "faulty"],
            samples: 9,
            every: "200 millis"
          })
          assert.isAbove(commands, 0)
          assert.deepStrictEqual(errors, [])
          const names = series.map(({ name }) => name)
          for (const sampled of [
            "heap of host 1 (first)",
            "handles of host 2 (faulty)",
            "backends",
            "locks",
            "dead rows",
            "table daybook.events",
            "table read_models.order_summary",
            "events left to order_summary",
            "events left to the subscription to all events",
            "events left to the subscription to ended orders"
          ]) {
            assert.include(names, sampled)
          }
          const heaps = series.filter((one) => one.name.startsWith("heap of"))
          const growth = (name: string) =>
            fit(heaps.find((one) => one.name === name)?.samples.slice(3) ?? [])?.growth ?? 0
          // Five times 8 MiB between the six settled samples. A heap that warms up may grow, but by
          // less.
          assert.isTrue(heaps.filter(grows).some(({ name }) => name === "heap of host 2 (faulty)"))
          assert.approximately(growth("heap of host 2 (faulty)"), 40, 20)
          assert.isBelow(growth("heap of host 1 (first)"), 20)
          assert.deepStrictEqual(followers.flatMap(faultsOf), ["unfoldable is stopped"])
        }).pipe(Effect.scoped)
    )

    it.effect("fails at once when a host is killed", () =>
      Effect.gen(function* () {
        const died = yield* Effect.flip(soak({ roles: ["dying"], samples: 9, every: "200 millis" }))
        assert.deepStrictEqual(died, new Error("the dying host died"))
      }).pipe(Effect.scoped)
    )
  }
)
