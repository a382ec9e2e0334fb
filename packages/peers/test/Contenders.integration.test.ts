import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Contenders from "../src/Contenders.ts"
import * as Workload from "../src/Workload.ts"

/** As little as there is of everything. */
const shortest = { concurrency: 2, seconds: 0.05, limit: 4 }
const workloads = Workload.onServer(shortest.limit).filter(({ events }) => events <= 100)

it.live("contenders store what they acknowledge, whatever they are made to do", () =>
  Effect.gen(function* () {
    const { bulk, contenders } = yield* Contenders.openAll
    for (const contender of [...contenders, bulk]) {
      for (const workload of workloads) {
        const prepared = yield* workload.prepare(contender)
        if (prepared === undefined) continue
        const drive = yield* prepared.drive
        const { perSecond } = yield* drive(shortest)
        assert.isAbove(perSecond, 0, `${contender.name}: ${workload.name}`)
      }
      yield* contender.check
    }
  }).pipe(Effect.scoped, Effect.provide([PostgresServer.PostgresServer.layer, NodeServices.layer]))
)
