import { Projections } from "@daybook/projections/Projections"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import { readFileSync } from "node:fs"
import { projections } from "./orderCommands.ts"
import * as PostgresLayers from "./postgresLayers.ts"

/** The queries in the doc comments of a module. */
const queriesOf = (module: string): ReadonlyArray<string> => {
  const source = readFileSync(new URL(`../../order/src/${module}.ts`, import.meta.url), "utf8")
  return Array.from(source.matchAll(/```sql\n([^]*?)```/g), ([, block = ""]) =>
    block.replaceAll(/^ \* ?/gm, "")
  )
}

layer(PostgresLayers.embedded, { excludeTestServices: true, timeout: 60_000 })(
  "The queries that the read models of orders are documented with",
  (it) => {
    for (const module of ["CustomerOrders", "ProductDemand", "AddressChanges", "RemovedItems"]) {
      it.effect(`run on their tables: ${module}`, () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient
          const queries = queriesOf(module)
          assert.lengthOf(queries, 1)
          for (const query of queries) assert.deepStrictEqual(yield* sql.unsafe(query), [])
        }).pipe(Effect.provide(Projections.layer({ async: projections })))
      )
    }
  }
)
