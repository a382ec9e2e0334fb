/**
 * All contenders, in the order of the tables, each with a database of its own.
 */
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Castore from "./Castore.ts"
import type { Contender } from "./Contender.ts"
import * as Daybook from "./Daybook.ts"
import * as Emmett from "./Emmett.ts"
import * as Pg from "./Pg.ts"
import * as Pgbench from "./Pgbench.ts"
import type { Entrant } from "./Rounds.ts"
import * as SqlPg from "./SqlPg.ts"

/** Opens the contenders on the server; `pgbench` only if the machine has it. */
export const openAll = Effect.gen(function* () {
  const pgbench = yield* Pgbench.find
  const fresh = PostgresServer.freshDatabase
  const contenders: ReadonlyArray<Contender> = [
    yield* Effect.flatMap(fresh, Daybook.open),
    ...(Option.isSome(pgbench)
      ? [yield* Effect.flatMap(fresh, (url) => Pgbench.open(pgbench.value.binary, url))]
      : []),
    yield* Effect.flatMap(fresh, Emmett.open),
    yield* Effect.flatMap(fresh, Castore.open),
    yield* Effect.flatMap(fresh, Pg.open),
    yield* Effect.flatMap(fresh, SqlPg.open)
  ]
  return {
    contenders,
    bulk: yield* Effect.flatMap(fresh, SqlPg.openBulk),
    pgbenchVersion: Option.getOrUndefined(Option.map(pgbench, ({ version }) => version))
  }
})

/** Opens logs in the process: a new memory log for each round, or it would fill the process. */
export const openInProcess = Effect.map(Daybook.openEmbedded, (embedded) => {
  const memory: Entrant = { name: "memory", open: Daybook.openMemory, fresh: true }
  return { entrants: [memory, ...entrants([embedded])], contenders: [embedded] }
})

/** Returns open contenders as entrants that stay open. */
export const entrants = (contenders: ReadonlyArray<Contender>): ReadonlyArray<Entrant> =>
  contenders.map((contender) => ({ name: contender.name, open: Effect.succeed(contender) }))
