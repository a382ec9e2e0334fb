/**
 * The measures of each subject.
 */
import * as Effect from "effect/Effect"
import type { Appender, Contender } from "./Appender.ts"
import * as Decoding from "./Decoding.ts"
import * as Live from "./Live.ts"
import * as Ordering from "./Ordering.ts"
import * as Orders from "./Orders.ts"
import type { CatchUp } from "./PlainReadModels.ts"
import * as ReadModels from "./ReadModels.ts"
import type { Sample } from "./Sample.ts"
import * as Shortcuts from "./Shortcuts.ts"
import type { Subject } from "./Subject.ts"
import type * as Transfers from "./Transfers.ts"

/** An act to repeat and time. */
export interface Measure<in C extends Contender = Subject> {
  readonly name: string
  readonly concurrency: number
  /** The number of events that one act appends or loads. */
  readonly events: number
  /**
   * Prepares, and returns the act to do the `n`th time, `n` from 0 to `limit`, which is excluded.
   */
  readonly begin: (subject: C, prefix: string) => Effect.Effect<Acts | Samples>
}

interface Acts {
  readonly limit?: number
  readonly act: (n: number) => Effect.Effect<unknown>
}

/** For a measure other than the time of an act. */
interface Samples {
  readonly sample: (seconds: number) => Effect.Effect<Sample>
}

const append = (concurrency: number, events: number): Measure => ({
  name: `append ${counted(events)} to a new stream`,
  concurrency,
  events,
  begin: (subject, prefix) =>
    Effect.succeed({
      act: (n) => Effect.suspend(() => subject.append(`${prefix}-${n}`, Orders.history(events)))
    })
})

const appendHot: Measure = {
  name: "append 1 event to one hot stream",
  concurrency: 8,
  events: 1,
  begin: (subject, prefix) =>
    Effect.succeed({
      act: () => Effect.suspend(() => subject.append(prefix, Orders.additions(1)))
    })
}

// Every command loads its stream, so a stream that grew through a round would measure loading.
const HOT_STREAM_COMMANDS = 100
const HOT_STREAMS = 100

const executeHot = (name: string, concurrency: number): Measure => ({
  name: `${name} of 1 to ${HOT_STREAM_COMMANDS} events`,
  concurrency,
  events: 1,
  begin: (subject, prefix) =>
    Effect.gen(function* () {
      for (let stream = 0; stream < HOT_STREAMS; stream++) {
        yield* subject.append(`${prefix}-${stream}`, Orders.history(1))
      }
      return {
        limit: HOT_STREAMS * HOT_STREAM_COMMANDS,
        act: (n: number) => subject.execute(`${prefix}-${Math.floor(n / HOT_STREAM_COMMANDS)}`, n)
      }
    })
})

const load = (events: number): Measure => ({
  name: `load and fold ${counted(events)}`,
  concurrency: 1,
  events,
  begin: (subject) =>
    Effect.gen(function* () {
      const id = `load-${events}`
      if ((yield* subject.load(id)) === 0) {
        const all = Orders.history(events)
        for (let from = 0; from < events; from += MAX_APPEND) {
          const [first, ...rest] = all.slice(from, from + MAX_APPEND)
          if (first !== undefined) yield* subject.append(id, [first, ...rest])
        }
      }
      return { act: () => subject.load(id) }
    })
})

const MAX_APPEND = 1_000

// Each gets one command, so that all have the same length; enough streams for the fastest server.
const SHORT_STREAMS = 1_000

const execute = (concurrency: number, events: number): Measure => ({
  name: `execute on streams of ${counted(events)}`,
  concurrency,
  events: 1,
  begin: (subject, prefix) =>
    Effect.gen(function* () {
      const ids = Array.from({ length: SHORT_STREAMS }, (_, n) => `${prefix}-${n}`)
      yield* Effect.forEach(ids, (id) => subject.append(id, Orders.history(events)), {
        concurrency,
        discard: true
      })
      return { limit: SHORT_STREAMS, act: (n: number) => subject.execute(`${prefix}-${n}`, n) }
    })
})

const counted = (events: number): string =>
  events === 1 ? "1 event" : `${events.toLocaleString("en")} events`

const ordering = (concurrency: number): Measure<Appender> => ({
  name: "ordering: append 1 event to a table on the server",
  concurrency,
  events: 1,
  begin: Ordering.begin
})

/** The cost of the rule of ordering. */
export const orderings: ReadonlyArray<Measure<Appender>> = [ordering(1), ordering(16), ordering(64)]

/** The cost of decoding over parsing. */
export const decodings: ReadonlyArray<Measure<Decoding.Decoder>> = [
  {
    name: `decoding: ${counted(Decoding.EVENTS)}, parsed and folded`,
    concurrency: 1,
    events: Decoding.EVENTS,
    begin: (decoder) => Effect.succeed({ act: () => Effect.sync(decoder.fold) })
  }
]

/** Every measure of the stores, in the order of the report. */
export const stores: ReadonlyArray<Measure> = [
  append(1, 1),
  append(16, 1),
  append(64, 1),
  append(256, 1),
  append(16, 10),
  appendHot,
  executeHot("execute on one hot stream", 8),
  execute(64, 20),
  load(10),
  load(100),
  load(1_000),
  load(10_000)
]

/** The saving of a snapshot in a load. */
export const snapshots: ReadonlyArray<Measure<Shortcuts.Loader>> = [
  {
    name: "snapshots: load an order",
    concurrency: 1,
    events: Shortcuts.EVENTS,
    begin: (loader) => Effect.map(loader.begin, (load) => ({ act: () => load }))
  }
]

const LIVE_PER_SECOND = 1_000

/** The delay of a live subscriber. */
export const lives: ReadonlyArray<Measure<Live.Live>> = [
  {
    name: `live: from acknowledged to seen, ${LIVE_PER_SECOND.toLocaleString("en")} appends a second`,
    concurrency: 1,
    events: 1,
    begin: (live, prefix) =>
      Effect.succeed({
        sample: (seconds) =>
          Effect.orDie(Live.sample(live, `${live.name}-${prefix}`, LIVE_PER_SECOND, seconds))
      })
  }
]

/** The saving of a cached state in a command. */
export const caches: ReadonlyArray<Measure> = [
  executeHot("cache: execute on an order", 1),
  executeHot("cache: execute on an order", 8)
]

/** The cost of two commands on two streams, all or none. */
export const transfers: ReadonlyArray<Measure<Transfers.Transfer>> = [1, 16, 64].map(
  (concurrency) => ({
    name: "together: execute on two of many orders",
    concurrency,
    events: 1,
    begin: (contender, prefix) => Effect.map(contender.begin(prefix), (act) => ({ act }))
  })
)

/** The rate at which a read model catches up with a log. */
export const catchUps: ReadonlyArray<Measure<CatchUp>> = [
  {
    name: `read models: catch up with ${counted(ReadModels.EVENTS)}`,
    concurrency: 1,
    events: ReadModels.EVENTS,
    begin: (subject) =>
      Effect.succeed({ sample: (seconds) => ReadModels.sampleCatchUp(subject, seconds) })
  }
]

/** The rate at which a read model is rebuilt. */
export const rebuilds: ReadonlyArray<Measure<ReadModels.Rebuild>> = [
  {
    name: `read models: rebuild from ${counted(ReadModels.EVENTS)}, compare and switch`,
    concurrency: 1,
    events: ReadModels.EVENTS,
    begin: (subject) => Effect.succeed({ sample: () => ReadModels.sampleRebuild(subject) })
  }
]

const VISIBLE_PER_SECOND = 200

/** The cost of a read model for an append, and the delay of its rows. */
export const keepings: ReadonlyArray<Measure<ReadModels.Keeping>> = [
  ...[1, 16, 64].map((concurrency): Measure<ReadModels.Keeping> => ({
    name: "read models: append 1 event to a new order",
    concurrency,
    events: 1,
    begin: (subject, prefix) =>
      Effect.succeed({ act: (n) => subject.append(`${subject.name}-${prefix}-${n}`) })
  })),
  {
    name: `read models: from acknowledged to its row, ${VISIBLE_PER_SECOND} appends a second`,
    concurrency: 1,
    events: 1,
    begin: (subject, prefix) =>
      Effect.succeed({
        sample: (seconds) =>
          ReadModels.sampleVisible(
            subject,
            `${subject.name}-${prefix}`,
            VISIBLE_PER_SECOND,
            seconds
          )
      })
  }
]
