/**
 * A host of the reactor of `takenOver.ts` on the database of the first argument, until it is
 * killed.
 */
import { Reactors } from "@daybook/reactors/Reactors"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stores from "./Stores.ts"
import { reactor } from "./takenOver.ts"

const [, , url = ""] = process.argv

const host = Reactors.layer([reactor(() => {})]).pipe(
  Layer.provide(Stores.layer),
  Layer.provide(PgClient.layer({ url: Redacted.make(url) }))
)

Effect.runFork(Layer.launch(host))
