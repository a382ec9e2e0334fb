/**
 * The acts on groups, in the record of the log.
 */
import { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import * as PostgresActs from "@daybook/store/PostgresActs"
import { assert, layer } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { embedded, server } from "./postgresLayers.ts"

const cases = <E>(title: string, stores: Layer.Layer<ConsumerGroups | SqlClient, E>) =>
  layer(stores, { timeout: 60_000, excludeTestServices: true })(title, (it) => {
    it.effect("has its acts in the record of the log, with actor and reason", () =>
      Effect.gen(function* () {
        const groups = yield* ConsumerGroups
        const name = "recorded"
        const begun = yield* Deferred.make<void>()
        yield* Effect.raceFirst(
          groups.run({ name }, () =>
            Effect.andThen(Deferred.succeed(begun, undefined), Effect.never)
          ),
          Deferred.await(begun)
        )
        yield* groups.restart(name, { from: "now", actor: "ada", reason: "moved" })
        yield* groups.forget(name, { actor: "bo", reason: "renamed" })
        const recorded = yield* Stream.runCollect(
          PostgresActs.list({ subject: `consumer group ${name}` })
        )
        assert.deepStrictEqual(
          recorded.map(({ act, actor, reason }) => [
            act,
            Option.getOrNull(actor),
            Option.getOrNull(reason)
          ]),
          [
            ["restart", "ada", "moved"],
            ["forget", "bo", "renamed"]
          ]
        )
        assert.deepStrictEqual(
          (yield* groups.acts(name)).map(({ act }) => act),
          ["restart", "forget"]
        )
      })
    )
  })

cases("A group on a server", server)
cases("A group of an embedded database", embedded)
