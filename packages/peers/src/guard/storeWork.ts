/**
 * The rows of the event store, as workloads on Daybook.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Daybook from "../Daybook.ts"
import * as Workload from "../Workload.ts"
import type { Row } from "./Row.ts"
import type { Turn } from "./turns.ts"

/** Opens a row on the database at `DATABASE_URL`, or in memory. */
export const open = Effect.fnUntraced(function* (row: Row) {
  if (row.name === "append 1 event in memory") return inMemory(row.concurrency)
  const workload = Workload.onServer(Workload.ORDERS).find(
    ({ concurrency, name, slow }) =>
      name === row.name && concurrency === row.concurrency && slow !== true
  )
  if (workload === undefined) return yield* Effect.die(new Error(`No workload is ${row.name}`))
  const contender = yield* Daybook.open(yield* Config.Redacted("DATABASE_URL"))
  const prepared = yield* workload.prepare(contender)
  if (prepared === undefined) return yield* Effect.die(new Error(`It does not ${row.name}`))
  const { concurrency, events } = workload
  const limit = prepared.limit === undefined ? {} : { limit: prepared.limit }
  const turn: Turn = (seconds) =>
    prepared.drive.pipe(
      Effect.flatMap((drive) => drive({ concurrency, seconds, ...limit })),
      Effect.map(({ perSecond }) => perSecond * events)
    )
  return turn
})

/** A new log for each turn, or it would fill the process. */
const inMemory =
  (concurrency: number): Turn =>
  (seconds) =>
    Daybook.openMemory.pipe(
      Effect.flatMap((contender) => contender.append(1)({ concurrency, seconds })),
      Effect.map(({ perSecond }) => perSecond),
      Effect.scoped
    )
