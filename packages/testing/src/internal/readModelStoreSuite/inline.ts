/**
 * Read models that appends keep: what is recorded and what is folded is one.
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import {
  type Changes,
  type InlineAppend,
  InlinePoison,
  OtherVersionKept,
  type Poison,
  ReadModelStore
} from "@daybook/projections/ReadModelStore"
import type * as ReadModelTable from "@daybook/projections/ReadModelTable"
import type { StoredRow } from "@daybook/projections/StoredRow"
import {
  type Append,
  type Appended,
  EventStore,
  WrongExpectedRevision
} from "@daybook/store/EventStore"
import { any, exactly } from "@daybook/store/ExpectedRevision"
import { assert } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import {
  freshCategory,
  newEvent,
  newEvents,
  readStream,
  revision,
  streamOf
} from "../eventStoreSuite/fixture.ts"
import {
  at,
  begin,
  type Cases,
  claimOf,
  countOf,
  countUp,
  inParallel,
  isLost,
  LEASE,
  others,
  rowsOf,
  serve,
  shadow,
  stateOf,
  switchTo,
  tallies,
  tally,
  factsOf
} from "./fixture.ts"

/** The keys of the rows that an event touches are its data. */
const keysOf = ({ data }: { readonly data: unknown }) => data as ReadonlyArray<string>

const touching = (...keys: ReadonlyArray<string>) => newEvent({ data: keys })

/** Counts the events of each key, and keeps their order by the positions that they got. */
const foldTallies = (
  recorded: ReadonlyArray<RecordedEvent>,
  rows: ReadonlyMap<string, StoredRow>
): Changes => {
  const folded = new Map(
    Array.from(rows.values(), (row): [string, StoredRow] => [String(row["id"]), row])
  )
  for (const event of recorded) {
    for (const id of keysOf(event)) {
      const row = folded.get(id) ?? tally(id, 0)
      const counted = row["counted"] as ReadonlyArray<string>
      folded.set(id, {
        id,
        count: Number(row["count"]) + 1,
        counted: [...counted, String(event.position)]
      })
    }
  }
  return { upserts: Array.from(folded.values()), deletions: [] }
}

type Tables = ReadonlyArray<ReadModelTable.Any>

const inlineOf = (
  events: EventStore["Service"],
  tables: Tables,
  appends: Arr.NonEmptyReadonlyArray<Append>,
  refused: (name: string, recorded: ReadonlyArray<RecordedEvent>) => Poison | undefined = () =>
    undefined
): InlineAppend<Arr.NonEmptyReadonlyArray<Appended>, unknown> => ({
  touches: tables.map((table) => ({
    table,
    keys: Array.from(new Set(appends.flatMap((append) => append.events.flatMap(keysOf))), (id) => ({
      id
    }))
  })),
  append: events.appendAll({ appends }),
  recorded: (answers) =>
    Effect.map(
      Effect.forEach(appends, ({ events: written, streamId }, index) => {
        const answer = Arr.getUnsafe(answers, index)
        if (answer.repeated) return Effect.succeed([])
        const from = Revision.make(answer.revision - written.length + 1)
        return Stream.runCollect(events.read(streamId, { from, to: answer.revision }))
      }),
      (read) => read.flat().toSorted((a, b) => (a.position < b.position ? -1 : 1))
    ),
  fold: (name, recorded, rows) => {
    const poison = refused(name, recorded)
    return poison === undefined ? Result.succeed(foldTallies(recorded, rows)) : Result.fail(poison)
  }
})

/** Appends to a stream, with the read models that appends keep. */
const append = Effect.fnUntraced(function* (
  tables: Tables,
  streamId: StreamId,
  ...events: Arr.NonEmptyReadonlyArray<ReturnType<typeof touching>>
) {
  const store = yield* ReadModelStore
  const appends = [{ streamId, expected: any, events }] as const
  return yield* store.inline(inlineOf(yield* EventStore, tables, appends))
})

/** Hands what serves to the appends, as it is. */
const promoted = Effect.fnUntraced(function* (table: ReadModelTable.Any) {
  const store = yield* ReadModelStore
  const { serving } = yield* store.open(table)
  yield* store.promote(yield* claimOf(serving), Effect.void)
  return serving
})

const row = Effect.fnUntraced(function* (table: ReadModelTable.Any, id: string) {
  const store = yield* ReadModelStore
  return Option.getOrUndefined(yield* store.get(table, { id }))
})

const positionsOf = Effect.fnUntraced(function* (id: string, ...streams: ReadonlyArray<StreamId>) {
  const events = (yield* Effect.forEach(streams, readStream)).flat()
  return events
    .filter((event) => keysOf(event).includes(id))
    .map(({ position }) => position)
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map(String)
})

const twoStreams = () => {
  const category = freshCategory()
  return [streamOf(category, "1"), streamOf(category, "2")] as const
}

export const inlineCases: Cases = {
  "is there with the answer of the append": Effect.gen(function* () {
    const table = tallies()
    const [streamId] = twoStreams()
    const { generation, name } = yield* promoted(table)
    const [answer] = yield* append([table], streamId, touching("a", "b"), touching("a"))
    assert.deepStrictEqual(yield* row(table, "a"), {
      id: "a",
      count: 2,
      counted: yield* positionsOf("a", streamId)
    })
    assert.strictEqual(yield* countOf(table, "b"), 1)
    assert.strictEqual(answer.revision, revision(2))
    yield* append([table], streamId, touching("a"))
    assert.strictEqual(yield* countOf(table, "a"), 3)
    const { mode, owner } = yield* stateOf({ name, generation })
    assert.deepStrictEqual([mode, owner], ["inline", Option.none()])
  }),

  "is for those that appends keep, and leaves alone what is kept behind the log": Effect.gen(
    function* () {
      const [kept, behind, unknown] = [tallies(), tallies(), tallies()]
      const [streamId] = twoStreams()
      yield* promoted(kept)
      const claim = yield* serve(behind, [tally("a", 7)])
      yield* append([behind, kept, unknown], streamId, touching("a"))
      assert.strictEqual(yield* countOf(kept, "a"), 1)
      assert.deepStrictEqual(yield* rowsOf(behind), [tally("a", 7)])
      assert.deepStrictEqual((yield* stateOf(claim)).checkpoints, [at(1)])
    }
  ),

  "appends all the same where no read model is touched": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const [streamId] = twoStreams()
    yield* append([], streamId, touching("a"))
    const appends = [
      { streamId, expected: any, events: newEvents(2).map(() => touching()) }
    ] as const
    const table = tallies()
    yield* promoted(table)
    const events = yield* EventStore
    const [first, ...more] = appends[0].events
    if (first === undefined) return assert.fail("two events")
    yield* store.inline(
      inlineOf(events, [table], [{ streamId, expected: any, events: [first, ...more] }])
    )
    assert.lengthOf(yield* readStream(streamId), 3)
    assert.deepStrictEqual(yield* rowsOf(table), [])
  }),

  "keeps several read models with one append to several streams": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const [table, other] = [tallies(), tallies()]
    const [one, two] = twoStreams()
    yield* promoted(table)
    yield* promoted(other)
    const appends = [
      { streamId: one, expected: any, events: [touching("a"), touching("b")] },
      { streamId: two, expected: any, events: [touching("a")] }
    ] as const
    const inlined = inlineOf(yield* EventStore, [table, other], appends)
    yield* store.inline(inlined)
    for (const kept of [table, other]) {
      assert.deepStrictEqual(yield* row(kept, "a"), {
        id: "a",
        count: 2,
        counted: yield* positionsOf("a", one, two)
      })
    }
    // It is answered as at first, and folds nothing again.
    const again = yield* store.inline(inlined)
    assert.isTrue(again.every(({ repeated }) => repeated))
    assert.strictEqual(yield* countOf(table, "a"), 2)
    assert.strictEqual(yield* countOf(other, "b"), 1)
  }),

  "appends nothing, and folds nothing, of what one read model can't fold": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const [table, other] = [tallies(), tallies()]
    const [streamId] = twoStreams()
    yield* promoted(table)
    const { generation, name } = yield* promoted(other)
    yield* append([table, other], streamId, touching("a"))
    const poisonOf = (recorded: ReadonlyArray<RecordedEvent>): Poison | undefined => {
      const event = recorded[0]
      if (event === undefined) return undefined
      const { position, revision, streamId, type } = event
      return { position, revision, streamId, type, reason: "Threw", issue: "it can't be folded" }
    }
    const appends = [{ streamId, expected: any, events: [touching("a")] }] as const
    const inlined = inlineOf(yield* EventStore, [table, other], appends, (of, recorded) =>
      of === other.name ? poisonOf(recorded) : undefined
    )
    const error = yield* Effect.flip(store.inline(inlined))
    assert.instanceOf(error, InlinePoison)
    assert.strictEqual(error.name, name)
    assert.deepStrictEqual(
      [error.poison.streamId, error.poison.revision, error.poison.issue],
      [streamId, 2, "it can't be folded"]
    )
    assert.lengthOf(yield* readStream(streamId), 1)
    assert.deepStrictEqual([yield* countOf(table, "a"), yield* countOf(other, "a")], [1, 1])
    assert.deepStrictEqual((yield* stateOf({ name, generation })).mode, "inline")
    yield* append([table, other], streamId, touching("a"))
    assert.deepStrictEqual([yield* countOf(table, "a"), yield* countOf(other, "a")], [2, 2])
  }),

  "folds nothing of an append that is refused, and passes on why": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const [streamId] = twoStreams()
    yield* promoted(table)
    yield* append([table], streamId, touching("a"))
    const appends = [{ streamId, expected: exactly(revision(9)), events: [touching("a")] }] as const
    const error = yield* Effect.flip(store.inline(inlineOf(yield* EventStore, [table], appends)))
    assert.instanceOf(error, WrongExpectedRevision)
    assert.strictEqual(yield* countOf(table, "a"), 1)
  }),

  "is refused for another version than the one that appends keep": Effect.gen(function* () {
    const table = tallies({ version: 2 })
    const { name, version } = table
    const [streamId] = twoStreams()
    yield* promoted(table)
    const older = tallies({ name, version: 1 })
    for (const other of [older, tallies({ name, version: 3 })]) {
      const error = yield* Effect.flip(append([other], streamId, touching("a")))
      assert.instanceOf(error, OtherVersionKept)
      assert.deepStrictEqual(
        factsOf(error),
        factsOf(new OtherVersionKept({ name, version: other.version, kept: version }))
      )
    }
    assert.lengthOf(yield* readStream(streamId), 0)
    assert.deepStrictEqual(yield* rowsOf(table), [])
  }),

  "folds the events of a row in the order of their positions, whoever appends them": Effect.gen(
    function* () {
      const table = tallies()
      yield* promoted(table)
      const category = freshCategory()
      const streams = Arr.makeBy(8, (n) => streamOf(category, `${n}`))
      yield* Effect.forEach(
        streams,
        (streamId) =>
          Effect.forEach([1, 2, 3, 4], () =>
            append([table], streamId, touching("a"), touching("a"))
          ),
        inParallel
      )
      const counted = yield* positionsOf("a", ...streams)
      assert.lengthOf(counted, 64)
      assert.deepStrictEqual(yield* row(table, "a"), { id: "a", count: 64, counted })
    }
  ),

  "does not let appends wait for each other for ever, whatever rows they touch": Effect.gen(
    function* () {
      const tables = [tallies(), tallies()]
      for (const table of tables) yield* promoted(table)
      const category = freshCategory()
      const orders = [
        ["a", "b", "c"],
        ["c", "b", "a"],
        ["b", "c", "a"]
      ]
      const streams = Arr.makeBy(9, (n) => streamOf(category, `${n}`))
      yield* Effect.forEach(
        streams.entries(),
        ([n, streamId]) =>
          Effect.forEach([1, 2, 3], () =>
            append(
              n % 2 === 0 ? tables : tables.toReversed(),
              streamId,
              touching(...(orders[n % 3] ?? []))
            )
          ),
        inParallel
      )
      for (const table of tables) {
        for (const id of ["a", "b", "c"]) {
          const counted = yield* positionsOf(id, ...streams)
          assert.deepStrictEqual(yield* row(table, id), { id, count: 27, counted })
        }
      }
    }
  ),

  "goes on with a shadow in its place": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const [streamId] = twoStreams()
    yield* promoted(table)
    yield* append([table], streamId, touching("a"))
    const known = yield* rowsOf(table)
    const claim = yield* shadow(table, known)
    const serving = yield* store.switchOver(table, claim, {
      compare: true,
      catchUp: ({ mode }) => Effect.sync(() => assert.strictEqual(mode, "inline"))
    })
    assert.deepStrictEqual([serving.generation, serving.mode], [2, "inline"])
    yield* append([table], streamId, touching("a"))
    assert.strictEqual(yield* countOf(table, "a"), 2)
    assert.deepStrictEqual(yield* rowsOf(table, {}, 1), known)
  })
}

export const handOverCases: Cases = {
  "to the appends ends the claim, after the last steps under it": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const claim = yield* serve(table)
    yield* store.promote(claim, store.step(table, claim, countUp(1, 5, "a")))
    const { checkpoints, mode, owner } = yield* stateOf(claim)
    assert.deepStrictEqual([checkpoints, mode, owner], [[at(5)], "inline", Option.none()])
    assert.strictEqual(yield* countOf(table, "a"), 1)
    yield* isLost(claim, store.step(table, claim, countUp(5, 6, "a")))
    yield* isLost(claim, store.renew(claim))
    yield* isLost(claim, store.promote(claim, Effect.void))
    assert.deepStrictEqual(yield* store.claim(claim, "a host", LEASE), Option.none())
  }),

  "to the appends does not happen when the last steps fail": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const [streamId] = twoStreams()
    const claim = yield* serve(table)
    const why = { _tag: "NoMore" } as const
    const failing = Effect.andThen(store.step(table, claim, countUp(1, 5, "a")), Effect.fail(why))
    assert.strictEqual(yield* Effect.flip(store.promote(claim, failing)), why)
    const { checkpoints, mode } = yield* stateOf(claim)
    assert.deepStrictEqual([checkpoints, mode], [[at(1)], "async"])
    assert.deepStrictEqual(yield* rowsOf(table), [])
    yield* append([table], streamId, touching("a"))
    yield* store.step(table, claim, countUp(1, 5, "a"))
    assert.strictEqual(yield* countOf(table, "a"), 1)
  }),

  "to the appends is under the newest claim of what serves": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const lost = yield* serve(table)
    const claim = yield* claimOf(lost)
    const building = yield* begin(table)
    let caughtUp = 0
    const catchUp = Effect.sync(() => void caughtUp++)
    yield* isLost(lost, store.promote(lost, catchUp))
    yield* isLost(building, store.promote(building, catchUp))
    yield* store.pause(table.name)
    yield* isLost(claim, store.promote(claim, catchUp))
    assert.strictEqual(caughtUp, 0)
    assert.strictEqual((yield* stateOf(claim)).mode, "async")
  }),

  "to the appends lets none of them in before it is done": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const [streamId] = twoStreams()
    const claim = yield* serve(table)
    const began = yield* Deferred.make<void>()
    const goOn = yield* Deferred.make<void>()
    const order: Array<string> = []
    const promoting = yield* Effect.forkScoped(
      store.promote(
        claim,
        Effect.gen(function* () {
          yield* Deferred.succeed(began, undefined)
          yield* Deferred.await(goOn)
          order.push("caught up")
        })
      )
    )
    yield* Deferred.await(began)
    const appending = yield* Effect.forkScoped(
      Effect.map(append([table], streamId, touching("a")), () => order.push("appended"))
    )
    yield* others
    yield* Deferred.succeed(goOn, undefined)
    yield* Fiber.join(promoting)
    yield* Fiber.join(appending)
    assert.deepStrictEqual(order, ["caught up", "appended"])
    assert.strictEqual(yield* countOf(table, "a"), 1)
  }).pipe(Effect.scoped),

  "back is at the checkpoint that is told": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const [streamId] = twoStreams()
    const { generation, name } = yield* promoted(table)
    yield* append([table], streamId, touching("a"))
    yield* store.demote(name, Effect.succeed(at(77)))
    const { checkpoints, mode, owner } = yield* stateOf({ name, generation })
    assert.deepStrictEqual([checkpoints, mode, owner], [[at(77)], "async", Option.none()])
    yield* append([table], streamId, touching("a"))
    assert.strictEqual(yield* countOf(table, "a"), 1)
    yield* store.step(table, yield* claimOf({ name, generation }), countUp(77, 78, "a"))
    assert.strictEqual(yield* countOf(table, "a"), 2)
  }),

  "back does nothing where nothing is kept by appends, or why it can't is passed on": Effect.gen(
    function* () {
      const store = yield* ReadModelStore
      const table = tallies()
      yield* store.demote(table.name, Effect.succeed(at(9)))
      const claim = yield* serve(table)
      yield* store.demote(table.name, Effect.succeed(at(9)))
      assert.deepStrictEqual((yield* stateOf(claim)).checkpoints, [at(1)])
      yield* store.promote(claim, Effect.void)
      const why = { _tag: "NoHead" } as const
      assert.strictEqual(yield* Effect.flip(store.demote(table.name, Effect.fail(why))), why)
      assert.strictEqual((yield* stateOf(claim)).mode, "inline")
    }
  ),

  "to and fro loses no event and folds none twice while appends go on": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const events = yield* EventStore
    const table = tallies()
    const category = freshCategory()
    const streams = Arr.makeBy(4, (n) => streamOf(category, `${n}`))
    const { serving } = yield* store.open(table)
    const settled = Effect.map(events.backlog(), ({ head }) => head)

    /** From the checkpoint to what is settled. */
    const catchUp = (claim: Effect.Success<ReturnType<typeof claimOf>>) =>
      Effect.gen(function* () {
        const states = yield* store.states(claim.name)
        const [from = at(0)] = states[0]?.checkpoints ?? []
        const to = yield* settled
        if (to <= from) return
        const read = yield* Stream.runCollect(
          events.readAll({ after: from, upTo: to, categories: [category] })
        )
        yield* store.step(table, claim, {
          partition: 0,
          from,
          to,
          keys: [{ id: "a" }],
          fold: (rows) => Result.succeed(foldTallies(read, rows)),
          events: read.length,
          eventsPerSecond: 0
        })
      })

    const appending = Effect.forEach(
      streams,
      (streamId) =>
        Effect.forEach(Arr.range(1, 12), () => append([table], streamId, touching("a"))),
      inParallel
    )
    const handing = Effect.gen(function* () {
      for (let round = 0; round < 4; round++) {
        const claim = yield* claimOf(serving)
        yield* catchUp(claim)
        yield* store.promote(claim, catchUp(claim))
        yield* Effect.yieldNow
        yield* store.demote(table.name, settled)
      }
    })
    yield* Effect.all([appending, handing], inParallel)
    yield* catchUp(yield* claimOf(serving))
    const counted = yield* positionsOf("a", ...streams)
    assert.lengthOf(counted, 48)
    assert.deepStrictEqual(yield* row(table, "a"), { id: "a", count: 48, counted })
  }),

  "stays as it is through a switch to a newer version": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const [streamId] = twoStreams()
    yield* promoted(table)
    yield* append([table], streamId, touching("a"))
    const next = tallies({ name: table.name, version: 2 })
    const serving = yield* switchTo(next, yield* shadow(next, [tally("a", 10)]))
    assert.strictEqual(serving.mode, "inline")
    yield* append([next], streamId, touching("a"))
    assert.strictEqual(yield* countOf(next, "a"), 11)
    assert.instanceOf(
      yield* Effect.flip(append([table], streamId, touching("a"))),
      OtherVersionKept
    )
    yield* store.demote(table.name, Effect.succeed(at(99)))
  })
}
