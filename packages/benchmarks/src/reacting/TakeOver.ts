/**
 * The time from `kill -9` of a host until another one reacts to an event of a key that was its own.
 */
import { StreamId } from "@daybook/kernel/StreamId"
import { includes, slotOf } from "@daybook/reactors/ConsumerGroup"
import { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import type { RangeStatus } from "@daybook/reactors/GroupStatus"
import { Reactors } from "@daybook/reactors/Reactors"
import { EventStore } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as Console from "effect/Console"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import { spawn } from "node:child_process"
import * as Path from "node:path"
import * as Orders from "../Orders.ts"
import { CATEGORY, GROUP, reactor } from "./takenOver.ts"
import { timed } from "./Timed.ts"

const TURNS = 3

/** Returns the milliseconds of each turn; each kills a process that works on the database. */
export const measure = (url: Redacted.Redacted) =>
  Effect.forEach(
    Array.from({ length: TURNS }, (_, turn) => turn),
    (turn) => Effect.scoped(once(url, turn))
  )

const once = Effect.fnUntraced(function* (url: Redacted.Redacted, turn: number) {
  yield* Console.error(`reactors: take-over ${turn + 1} of ${TURNS}`)
  const { append } = yield* EventStore
  const taken = Deferred.makeUnsafe<void>()
  let awaited: StreamId | undefined
  const heir = reactor(({ streamId }) => {
    if (streamId === awaited) Deferred.doneUnsafe(taken, Effect.void)
  })
  yield* Layer.build(Layer.fresh(Reactors.layer([heir])))
  const [first] = yield* rangesOf((owners) => owners.size === 1)
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const program = Path.join(import.meta.dirname, "hostForever.ts")
      return spawn(process.execPath, [program, Redacted.value(url)], { stdio: "inherit" })
    }),
    (running) => Effect.sync(() => running.kill("SIGKILL"))
  )
  const ranges = yield* rangesOf((owners) => owners.size === 2)
  const ofChild = ranges.find(({ owner }) => owner !== first?.owner)?.range
  const streamId = Array.from({ length: 100 }, (_, n) =>
    StreamId.make(`${CATEGORY}-${turn}x${n}`)
  ).find((id) => ofChild !== undefined && includes(ofChild, slotOf(id)))
  if (streamId === undefined) return yield* Effect.die(new Error("the child has no range"))
  awaited = streamId
  const { perSecond } = yield* timed(
    1,
    Effect.gen(function* () {
      child.kill("SIGKILL")
      yield* append({
        streamId,
        expected: ExpectedRevision.noStream,
        events: Orders.history(1)
      })
      yield* Deferred.await(taken)
    })
  )
  return 1_000 / perSecond
})

/** Waits until all ranges have owners, of the number that is asked for. */
const rangesOf = Effect.fnUntraced(function* (areEnough: (owners: ReadonlySet<string>) => boolean) {
  const groups = yield* ConsumerGroups
  const owned = groups.status(GROUP).pipe(
    Effect.map(({ ranges }) =>
      ranges.map(({ owner, range }) => ({ range, owner: Option.getOrUndefined(owner) }))
    ),
    Effect.option
  )
  return yield* owned.pipe(
    Effect.repeat({
      until: Option.exists((ranges) => {
        const owners = ranges.flatMap(({ owner }) => owner ?? [])
        return owners.length === ranges.length && areEnough(new Set(owners))
      }),
      schedule: Schedule.spaced("50 millis")
    }),
    Effect.map(Option.getOrElse((): ReadonlyArray<Owned> => []))
  )
})

interface Owned extends Pick<RangeStatus, "range"> {
  readonly owner: string | undefined
}
