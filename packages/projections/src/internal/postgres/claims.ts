/**
 * The tables of claimed generations in PostgreSQL.
 */
import type { SchemaName } from "@daybook/store/PostgresSchema"
import * as PgTypes from "@daybook/store/sql/PgTypes"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { SqlError } from "effect/sql/SqlError"
import { ClaimLost } from "../../ReadModelError.ts"
import type { Claim } from "../../driver/ReadModelGeneration.ts"
import type { Transitioned } from "../../driver/ReadModelDriver.ts"
import { find } from "../lifecycle/state.ts"
import { quoted } from "./columns.ts"
import type { Relation } from "./tableSql.ts"

export interface Claims {
  /** Remembers the claims that a command made. */
  readonly madeUnsafe: (transitioned: Transitioned) => void
  /** Runs a statement of a step on the table of its claim. */
  readonly on: <A>(
    claim: Claim,
    step: (relation: Relation) => Effect.Effect<A, ClaimLost | SqlError>
  ) => Effect.Effect<A, ClaimLost | SqlError>
}

export const make = (sql: SqlClient, schema: SchemaName): Claims => {
  /**
   * The table of each claim: serving or not. It can't change while the claim is valid. Only the
   * newest claim of each generation is remembered.
   */
  const claimed = new Map<string, { readonly epoch: number; readonly serves: boolean }>()
  const remember = (name: string, generation: number, epoch: number, serves: boolean) =>
    claimed.set(`${name} ${generation}`, { epoch, serves })
  const serves = Effect.fnUntraced(function* ({
    epoch,
    generation,
    name
  }: Claim): Effect.fn.Return<boolean, ClaimLost | SqlError> {
    const [row] = yield* sql.unsafe<{ readonly serves: boolean }>(
      `SELECT role = 'serving' AS serves FROM ${quoted(schema)}.daybook__generations
      WHERE name = $1 AND generation = $2 AND epoch = $3`,
      [PgTypes.text(name), PgTypes.int4(generation), PgTypes.int8(BigInt(epoch))]
    )
    return row?.serves ?? (yield* new ClaimLost({ name, generation, epoch }))
  })
  const relationOf = Effect.fnUntraced(function* (claim: Claim) {
    const { epoch, generation, name } = claim
    const known = claimed.get(`${name} ${generation}`)
    if (known?.epoch === epoch) return { generation, serves: known.serves }
    // The claim was made by another store on this database.
    const found = yield* serves(claim)
    remember(name, generation, epoch, found)
    return { generation, serves: found }
  })
  return {
    madeUnsafe: ({ events, state }) => {
      for (const event of events) {
        if (event._tag !== "Claimed") continue
        const { epoch, generation } = event
        remember(state.name, generation, epoch, find(state, generation)?.role === "serving")
      }
    },
    on: (claim, step) =>
      Effect.flatMap(relationOf(claim), step).pipe(
        // A promotion or a drop may have removed the table of a claim, which is then lost.
        Effect.tapError((error) =>
          error instanceof SqlError && error.reason._tag === "SqlSyntaxError"
            ? Effect.catchTag(serves(claim), "SqlError", () => Effect.void)
            : Effect.void
        )
      )
  }
}
