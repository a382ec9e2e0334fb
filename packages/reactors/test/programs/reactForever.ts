/**
 * A host of the reactor of `tallies.ts` on the database of the first argument, until it is killed.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import { Reactors } from "@daybook/reactors/Reactors"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { stores } from "../postgresLayers.ts"
import { tallies } from "../tallies.ts"

const [, , url = ""] = process.argv

const host = Reactors.layer([tallies("killed")]).pipe(
  Layer.provide(stores),
  Layer.provide(PgClient.layer({ url: Redacted.make(url) }))
)

Effect.runFork(Layer.launch(host))
