import * as PostgresServer from "@daybook/testing/PostgresServer"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { soak } from "./soak/soak.ts"
import { grows } from "./soak/trend.ts"

layer(PostgresServer.PostgresServer.layer, { timeout: 300_000, excludeTestServices: true })(
  "A soak",
  (it) => {
    it.effect("of some seconds samples what is held, and names the host that leaks", () =>
      Effect.gen(function* () {
        const { commands, errors, series } = yield* soak({
          roles: ["leaky", "standby"],
          samples: 15,
          every: "300 millis"
        })
        assert.isAbove(commands, 0)
        assert.deepStrictEqual(errors, [])
        const names = series.map(({ name }) => name)
        for (const sampled of [
          "heap of host 1 (leaky)",
          "heap of host 2 (standby)",
          "handles of host 2 (standby)",
          "backends",
          "locks",
          "dead rows",
          "table daybook.events",
          "table read_models.order_summary"
        ]) {
          assert.include(names, sampled)
        }
        const heaps = series.filter((one) => one.name.startsWith("heap of"))
        assert.deepStrictEqual(
          heaps.filter(grows).map(({ name }) => name),
          ["heap of host 1 (leaky)"]
        )
      }).pipe(Effect.scoped)
    )
  }
)
