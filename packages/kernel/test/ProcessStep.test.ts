import * as Aggregate from "@daybook/kernel/Aggregate"
import * as Decider from "@daybook/kernel/Decider"
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as EventId from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import * as ProcessEvent from "@daybook/kernel/ProcessEvent"
import * as ProcessManager from "@daybook/kernel/ProcessManager"
import {
  type Delivery,
  ofEvent,
  progress,
  type Progress,
  ProcessStepRefused
} from "@daybook/kernel/ProcessStep"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const Day = Schema.TaggedUnion({ Dawn: {}, Noon: {}, Dusk: {}, Cloud: {} })
type Day = typeof Day.Type

const days = {
  category: StreamId.Category.make("day"),
  codec: EventCodec.make({ name: "day", events: Day })
}
const Strike = Schema.Struct({ times: Schema.Int.check(Schema.isGreaterThan(0)) })
const gongs = Aggregate.make({
  category: "gong",
  codec: EventCodec.make({ name: "gong", events: Schema.TaggedUnion({ Struck: {} }) }),
  state: Schema.String,
  decider: Decider.make({
    initialState: "",
    decide: ({ times }: typeof Strike.Type) => Result.fail(times > 0 ? "cracked" : "silent"),
    evolve: (_: string, { _tag }: { readonly _tag: "Struck" }): string => _tag
  })
})
const Own = Schema.TaggedUnion({ Noted: { text: Schema.String } })
const parts = {
  name: "clock",
  from: [days],
  commands: { gong: ProcessManager.target(gongs, Strike) },
  timers: ["hour", "minute"],
  events: EventCodec.make({ name: "clock", events: Own }),
  state: Schema.Array(Schema.String)
} as const

type Reaction = ProcessManager.Reaction<
  typeof Own.Type,
  ProcessManager.CommandTo<typeof parts.commands>,
  "hour" | "minute"
>

const AT = DateTime.makeUnsafe("2026-03-01T06:00:00Z")
const LATER = DateTime.makeUnsafe("2026-03-01T18:30:00Z")

/** A clock that starts at dawn, ends at dusk, and reacts to noon with `reaction`. */
const clock = (reaction: Reaction) =>
  ProcessManager.define(parts).make({
    initialState: [],
    correlate: ({ _tag }, { streamId }) => {
      const id = StreamId.id(streamId)
      switch (_tag) {
        case "Dawn":
          return { start: id }
        case "Noon":
          return { continue: id }
        case "Dusk":
          return { end: id }
        case "Cloud":
          return "ignore"
      }
    },
    evolve: (notes, { text }) => [...notes, text],
    react: (_, { _tag }, { at, id }) => {
      switch (_tag) {
        case "Noon":
          return reaction
        case "Dawn":
          return {
            timers: [
              { set: "hour", after: "1 hour" },
              { set: "minute", at: LATER }
            ]
          }
        case "TimerFired":
          return { events: [{ _tag: "Noted", text: `${id} at ${DateTime.formatIso(at)}` }] }
        case "CommandRejected":
        case "Dusk":
        case "Cloud":
          return {}
      }
    }
  })
type Clock = ReturnType<typeof clock>

const recorded = (position: bigint): RecordedEvent => ({
  id: EventId.make(`00000000-0000-4000-8000-${String(position).padStart(12, "0")}`),
  type: "Dawn",
  schemaVersion: 1,
  data: {},
  metadata: {},
  occurredAt: AT,
  recordedAt: AT,
  streamId: StreamId.StreamId.make("day-1"),
  revision: Revision.make(1),
  position: Position.make(position)
})
const event = (_tag: Day["_tag"], position: bigint): Delivery<Day> => {
  const delivered = ofEvent(clock({}), { _tag }, recorded(position))
  if (delivered === undefined) throw new Error("ignored")
  return delivered
}
const dawn = event("Dawn", 5n)
const noon = event("Noon", 6n)
const dusk = event("Dusk", 7n)
const fired = (timer: string, setting: number): Delivery<Day> => ({
  _tag: "Timer",
  id: "1",
  at: LATER,
  timer,
  setting
})
const rejected = (command: Schema.Json, rejection: unknown): Delivery<Day> => ({
  _tag: "Rejection",
  id: "1",
  at: AT,
  issued: EventId.make("00000000-0000-4000-8000-000000000099"),
  to: "gong",
  instance: "big",
  command,
  rejection
})

/** Delivers inputs in turn; returns the answer to the last one, and the progress after it. */
const after = (deliveries: ReadonlyArray<Delivery<Day>>, process: Clock = clock({})) => {
  const { decider } = process.aggregate
  let progress: Progress<ReadonlyArray<string>> = decider.initialState
  let last: ReturnType<typeof decider.decide> = Result.succeed([])
  for (const delivery of deliveries) {
    last = decider.decide(delivery, progress)
    for (const one of Result.getOrElse(last, () => [])) progress = decider.evolve(progress, one)
  }
  return { last, progress }
}

/** Returns the refusal of a step that reacts to noon in a way that it may not. */
const refusal = (reaction: object): ProcessStepRefused => {
  // Callers without types can react in any way: every field of a reaction is optional.
  const { last } = after([dawn, noon], clock(reaction))
  return Result.getOrThrow(Result.flip(last))
}

describe("An event", () => {
  it("that a process ignores is delivered to none", () => {
    assert.isUndefined(ofEvent(clock({}), { _tag: "Cloud" }, recorded(1n)))
  })

  it("is delivered in the part that the process gives it", () => {
    for (const [delivery, part] of [
      [dawn, "start"],
      [noon, "continue"],
      [dusk, "end"]
    ] as const) {
      if (delivery._tag !== "Event") return assert.fail("not an event")
      assert.deepStrictEqual([delivery.id, delivery.part, delivery.at], ["1", part, AT])
    }
  })

  it("that started a process is taken again, so that the append recognises the repeat", () => {
    const { last } = after([dawn, dawn])
    const [first] = Result.getOrThrow(last)
    assert.deepStrictEqual(first, {
      _tag: "EventReceived",
      eventId: recorded(5n).id,
      type: "Dawn",
      streamId: recorded(5n).streamId,
      position: Position.make(5n)
    })
  })

  it("neither ends a process that has no end of its own, nor one that it continues", () => {
    const { last, progress } = after([dawn, noon])
    assert.deepStrictEqual(
      Result.getOrThrow(last).map(({ _tag }) => _tag),
      ["EventReceived"]
    )
    assert.strictEqual(progress.status, "running")
  })
})

describe("The timers of a process", () => {
  const hour = { timer: "hour", setting: 1, due: DateTime.add(AT, { hours: 1 }) }
  const minute = { timer: "minute", setting: 2, due: LATER }

  it("are due after a duration or at a date", () => {
    assert.deepStrictEqual(after([dawn]).progress.timers, [hour, minute])
  })

  it("fire each by itself, with the time and the id in the reaction", () => {
    const { last, progress } = after([dawn, fired("minute", 2)])
    assert.deepStrictEqual(Result.getOrThrow(last), [
      { _tag: "TimerFired", ...minute },
      { _tag: "Noted", text: "1 at 2026-03-01T18:30:00.000Z" }
    ])
    assert.deepStrictEqual(progress.timers, [hour])
  })

  it("are replaced each by itself", () => {
    const again = clock({ timers: [{ set: "hour", at: LATER }] })
    const { progress } = after([dawn, noon], again)
    assert.deepStrictEqual(progress.timers, [minute, { timer: "hour", setting: 3, due: LATER }])
    assert.strictEqual(progress.settings, 3)
  })

  it("are cancelled each by itself", () => {
    const { last, progress } = after([dawn, noon], clock({ timers: [{ cancel: "minute" }] }))
    assert.deepStrictEqual(Result.getOrThrow(last).slice(1), [
      { _tag: "TimerCancelled", timer: "minute", setting: 2 }
    ])
    assert.deepStrictEqual(progress.timers, [hour])
  })

  it("are all cancelled before the end", () => {
    const { last } = after([dawn, dusk])
    assert.deepStrictEqual(Result.getOrThrow(last).slice(1), [
      { _tag: "TimerCancelled", timer: "hour", setting: 1 },
      { _tag: "TimerCancelled", timer: "minute", setting: 2 },
      { _tag: "ProcessEnded" }
    ])
  })

  it("are none unless the definition names them", () => {
    const { timers } = ProcessManager.define({
      name: "clock",
      from: parts.from,
      events: parts.events,
      state: parts.state
    }).make({
      initialState: [],
      correlate: () => "ignore",
      evolve: (notes) => notes,
      react: () => ({})
    })
    assert.deepStrictEqual(timers, [])
  })
})

describe("The rejection of a command", () => {
  const reason = (rejection: unknown) => {
    const [first] = Result.getOrThrow(after([dawn, rejected({ times: 1 }, rejection)]).last)
    return first?._tag === "CommandRejected" ? first.reason : undefined
  }

  it("is recorded as the message of an error", () => {
    assert.strictEqual(reason(new TypeError("cracked")), "cracked")
  })

  it("is recorded as text when an error has no message", () => {
    assert.strictEqual(reason(new TypeError("")), "TypeError")
  })

  it("is recorded as text of at most 1,000 characters, without half a character", () => {
    assert.strictEqual(reason("a".repeat(2_000)), "a".repeat(1_000))
    assert.strictEqual(reason(`${"a".repeat(999)}🔔`), `${"a".repeat(999)}\uFFFD`)
  })

  it("is refused when its target no longer decodes the command", () => {
    const { last } = after([dawn, rejected({ times: 0 }, "cracked")])
    const refused = Result.getOrThrow(Result.flip(last))
    assert.match(
      refused.message,
      /^Cannot take the step of process clock 1: a command to gong does not fit its schema: .*greater than 0/
    )
  })
})

describe("A step is refused, with the reason in words", () => {
  const cases: ReadonlyArray<readonly [string, object, string | RegExp]> = [
    [
      "it sends a command to an unknown target",
      { commands: [{ to: "drum", id: "big", command: { times: 1 } }] },
      "Cannot take the step of process clock 1: it sends no commands to drum"
    ],
    [
      "it sends a command to a name that every object has",
      { commands: [{ to: "toString", id: "big", command: { times: 1 } }] },
      "Cannot take the step of process clock 1: it sends no commands to toString"
    ],
    [
      "the id of a command is not that of an instance",
      { commands: [{ to: "gong", id: "", command: { times: 1 } }] },
      /^Cannot take the step of process clock 1: the id of a command to gong: \S/
    ],
    [
      "a command does not fit its schema",
      { commands: [{ to: "gong", id: "big", command: { times: 0 } }] },
      /^Cannot take the step of process clock 1: a command to gong does not fit its schema: .*greater than 0/
    ],
    [
      "it sets an unknown timer",
      { timers: [{ set: "second", after: "1 second" }] },
      "Cannot take the step of process clock 1: it has no timer second"
    ],
    [
      "it sets a timer for no date",
      { timers: [{ set: "hour", after: "Infinity" }] },
      "Cannot take the step of process clock 1: timer hour is due at no date"
    ]
  ]
  for (const [name, reaction, message] of cases) {
    it(`when ${name}`, () => {
      const refused = refusal(reaction)
      assert.strictEqual(refused._tag, "ProcessStepRefused")
      if (typeof message === "string") assert.strictEqual(refused.message, message)
      else assert.match(refused.message, message)
      // The refusal crosses processes with its facts.
      const schema = Schema.toCodecJson(ProcessStepRefused)
      const crossed = Schema.decodeSync(schema)(Schema.encodeSync(schema)(refused))
      assert.strictEqual(crossed.message, refused.message)
    })
  }
})

describe("The stored form of a process", () => {
  it("is called after the process, and has its own types and those of the steps", () => {
    const { codec } = clock({}).aggregate
    assert.strictEqual(codec.name, "process_clock")
    const types = [
      "Noted",
      "EventReceived",
      "TimerFired",
      "CommandRejected",
      "CommandIssued",
      "TimerSet",
      "TimerCancelled",
      "ProcessEnded"
    ]
    assert.deepStrictEqual(codec.types, types)
    assert.deepStrictEqual(
      codec.versions.map(({ names: [type], schemaVersion }) => [type, schemaVersion]),
      types.map((type) => [type, 1])
    )
    assert.strictEqual(ProcessEvent.codec.name, "process")
    const decode = Schema.decodeUnknownResult(codec.events)
    assert.isTrue(Result.isSuccess(decode({ _tag: "Noted", text: "" })))
    assert.isTrue(Result.isSuccess(decode({ _tag: "ProcessEnded" })))
    assert.isTrue(Result.isFailure(decode({ _tag: "Struck" })))
  })

  it("has every fact of a step", () => {
    const issued = "00000000-0000-4000-8000-000000000099"
    const due = DateTime.makeUnsafe("2026-03-01T07:00:00Z")
    const { codec } = clock({}).aggregate
    const stored = [
      {
        event: { _tag: "TimerFired", timer: "hour", setting: 1, due },
        data: { timer: "hour", setting: 1, due: "2026-03-01T07:00:00.000Z" }
      },
      {
        event: {
          _tag: "CommandRejected",
          issued: EventId.make(issued),
          to: "gong",
          id: "big",
          command: { times: 1 },
          reason: "cracked"
        },
        data: { issued, to: "gong", id: "big", command: { times: 1 }, reason: "cracked" }
      },
      {
        event: { _tag: "CommandIssued", to: "gong", id: "big", command: { times: 1 } },
        data: { to: "gong", id: "big", command: { times: 1 } }
      },
      {
        event: { _tag: "TimerSet", timer: "hour", setting: 1, due },
        data: { timer: "hour", setting: 1, due: "2026-03-01T07:00:00.000Z" }
      },
      {
        event: { _tag: "TimerCancelled", timer: "hour", setting: 1 },
        data: { timer: "hour", setting: 1 }
      }
    ] as const
    for (const { data, event } of stored) {
      const encoded = Result.getOrThrow(codec.encode(event))
      assert.deepStrictEqual(encoded, { type: event._tag, schemaVersion: 1, data })
      assert.deepStrictEqual(codec.decode(encoded), Result.succeed([event]))
    }
  })

  it("of its progress in a snapshot has the status, the start, the state and the timers", () => {
    const schema = Schema.toCodecJson(progress(parts.state))
    const stored = {
      startedAt: "5",
      state: ["late"],
      timers: [{ timer: "hour", setting: 1, due: "2026-03-01T07:00:00.000Z" }],
      settings: 1
    }
    for (const status of ["notStarted", "running", "ended"]) {
      const decoded = Schema.decodeUnknownSync(schema)({ status, ...stored })
      assert.deepStrictEqual<unknown>(decoded, {
        status,
        startedAt: Position.make(5n),
        state: ["late"],
        timers: [{ timer: "hour", setting: 1, due: DateTime.makeUnsafe("2026-03-01T07:00:00Z") }],
        settings: 1
      })
    }
    const unknown = Schema.decodeUnknownResult(schema)({ status: "asleep", ...stored })
    assert.isTrue(Result.isFailure(unknown))
  })
})
