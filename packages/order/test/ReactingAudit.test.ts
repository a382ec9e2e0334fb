/**
 * The audit of a torture with reactors, processes and publishers: each of its lines finds the fault
 * that it is there for.
 */
import { assert, describe, it } from "@effect/vitest"
import { audit } from "./torture/reacting/audit.ts"
import type { Logged, Message, Observations } from "./torture/reacting/observed.ts"
import { report } from "./torture/reacting/report.ts"
import { sound } from "./torture/reacting/soundRun.ts"

type Change<A> = (all: ReadonlyArray<A>) => ReadonlyArray<A>

const inLog =
  (change: Change<Logged>) =>
  (run: Observations): Observations => ({ ...run, log: change(run.log) })

/** Removes the first event of a type, as if it had never been there. */
const without = (type: string) =>
  inLog((log) => log.filter((event) => event !== log.find((one) => one.type === type)))

/** Records the first event of a type again, at the end of the log. */
const again = (type: string) =>
  inLog((log) => {
    const event = log.find((one) => one.type === type)
    const end = log.at(-1)?.position ?? 0n
    return event === undefined ? log : [...log, { ...event, id: "again", position: end + 10n }]
  })

const atBroker =
  (publisher: string, change: Change<Message>) =>
  (run: Observations): Observations => ({
    ...run,
    topics: new Map(
      Array.from(run.topics, ([name, messages]) => [
        name,
        name === publisher ? change(messages) : messages
      ])
    )
  })

/** Swaps the first two members. */
const swapped = <A>([first, second, ...rest]: ReadonlyArray<A>): ReadonlyArray<A> =>
  [second, first, ...rest].filter((one) => one !== undefined)

/** Of one order: the first two members are of one key. */
const ofOneKey = (run: Observations): ReadonlyArray<string> =>
  run.log.filter(({ streamId }) => streamId === "order-paid").map(({ id }) => id)

const twins: ReadonlyArray<
  readonly [line: string, fault: string, plant: (run: Observations) => Observations]
> = [
  ["acknowledged events lost", "an event is gone", without("ItemAdded")],
  [
    "acknowledged events lost",
    "an event has another revision than its answer",
    inLog((log) =>
      log.map((one) => (one.type === "ItemAdded" ? { ...one, revision: one.revision + 1 } : one))
    )
  ],
  [
    "commands of clients counted twice or recorded though refused",
    "a command is recorded twice",
    again("ItemAdded")
  ],
  [
    "commands of clients counted twice or recorded though refused",
    "a refused command is recorded",
    (run) => ({
      ...run,
      sent: run.sent.map((one) => ({ ...one, answers: [{ _tag: "Rejected" as const }] }))
    })
  ],
  [
    "commands of clients counted twice or recorded though refused",
    "an accepted command is refused when it comes again",
    (run) => ({
      ...run,
      sent: run.sent.map((one) => ({
        ...one,
        answers: [...one.answers, { _tag: "Rejected" as const }]
      }))
    })
  ],
  [
    "events of unknown commands",
    "no client sent the command",
    (run) => ({ ...run, sent: run.sent.slice(1) })
  ],
  [
    "events not reacted to",
    "a reaction is gone",
    (run) => ({ ...run, reactions: run.reactions.slice(1) })
  ],
  [
    "events not reacted to",
    "a reaction is to no event",
    (run) => ({ ...run, reactions: [...run.reactions, "none"] })
  ],
  [
    "reactions out of the order of their key",
    "an event comes before an earlier one of its key",
    (run) => ({ ...run, reactions: swapped(ofOneKey(run)) })
  ],
  [
    "reactions out of the order of their key",
    "a transaction comes before an earlier one of its key",
    (run) => ({ ...run, effects: swapped(ofOneKey(run)) })
  ],
  [
    "transactional reactions not exactly once",
    "a reaction is gone",
    (run) => ({ ...run, effects: run.effects.slice(1) })
  ],
  [
    "transactional reactions not exactly once",
    "a reaction comes twice",
    (run) => ({ ...run, effects: [...run.effects, ...run.effects.slice(-1)] })
  ],
  [
    "process states that differ from the model",
    "an input is not taken",
    inLog((log) =>
      log.filter(({ data, type }) => type !== "EventReceived" || data["type"] !== "OrderShipped")
    )
  ],
  ["process states that differ from the model", "an input is taken twice", again("EventReceived")],
  [
    "process states that differ from the model",
    "a step lacks an own event",
    without("OrderReleased")
  ],
  [
    "process states that differ from the model",
    "a step lacks its command",
    without("CommandIssued")
  ],
  ["process states that differ from the model", "a process does not end", without("ProcessEnded")],
  [
    "process states that differ from the model",
    "the folded state is another one",
    (run) => ({
      ...run,
      processes: run.processes.map((one) =>
        one.state === "overdue" ? { ...one, state: "released" } : one
      )
    })
  ],
  [
    "process states that differ from the model",
    "a process is not there",
    (run) => ({ ...run, processes: run.processes.slice(1) })
  ],
  ["timers fired twice, early or not at all", "a timer fires twice", again("TimerFired")],
  [
    "timers fired twice, early or not at all",
    "a timer fires early",
    inLog((log) => log.map((one) => ({ ...one, recordedMillis: 0 })))
  ],
  [
    "timers fired twice, early or not at all",
    "a timer does not fire",
    inLog((log) => {
      const fired = log.findIndex(({ type }) => type === "TimerFired")
      const { streamId = "" } = log[fired] ?? {}
      return log.filter((one, place) => one.streamId !== streamId || place < fired)
    })
  ],
  ["commands of processes lost or counted twice", "an effect is gone", without("PaymentRequested")],
  ["commands of processes lost or counted twice", "an effect comes twice", again("OrderCancelled")],
  [
    "commands of processes lost or counted twice",
    "a rejection is gone",
    without("CommandRejected")
  ],
  [
    "commands of processes lost or counted twice",
    "the effect is of another payment",
    inLog((log) =>
      log.map((one) =>
        one.type === "PaymentRequested" ? { ...one, streamId: "payment-other" } : one
      )
    )
  ],
  ...["to_kafka", "to_nats"].flatMap((publisher): Array<(typeof twins)[number]> => [
    [
      `messages missing at ${publisher}`,
      "a message is gone",
      atBroker(publisher, (messages) => messages.slice(1))
    ],
    [
      `messages out of order at ${publisher}`,
      "a message comes before an earlier one of its key",
      atBroker(publisher, (messages) => {
        const own = messages.filter(({ key }) => key === "order-paid")
        return [...swapped(own), ...messages]
      })
    ],
    [
      `messages unknown to the model at ${publisher}`,
      "a message is of no event",
      atBroker(publisher, (messages) => [...messages, { id: "none", key: "order-paid", data: {} }])
    ],
    [
      `messages unknown to the model at ${publisher}`,
      "a message comes again with other data",
      atBroker(publisher, (messages) => [
        ...messages,
        ...messages.slice(0, 1).map((one) => ({ ...one, data: {} }))
      ])
    ]
  ])
]

const linesOf = (run: Observations) => [...audit(run).keys()]

describe("The audit of a torture with reactors", () => {
  it("finds nothing in a sound run", () => {
    const found = Array.from(audit(sound()).values()).flat()
    assert.deepStrictEqual(found, [])
  })

  it("takes repeated reactions and messages for what they are", () => {
    const run = sound()
    const repeated: Observations = {
      ...run,
      reactions: [...run.reactions, ...run.reactions],
      topics: new Map(
        Array.from(run.topics, ([name, messages]) => [name, [...messages, ...messages]])
      )
    }
    assert.deepStrictEqual(Array.from(audit(repeated).values()).flat(), [])
  })

  it("lets a command be recorded that was refused after an attempt without an answer", () => {
    const run = sound()
    const late: Observations = {
      ...run,
      sent: run.sent.map((one) => ({ ...one, answers: [{ _tag: "Rejected" }], isDoubtful: true }))
    }
    assert.deepStrictEqual(Array.from(audit(late).values()).flat(), [])
  })

  it("lets a command be accepted that was refused when it came first", () => {
    const run = sound()
    const second: Observations = {
      ...run,
      sent: run.sent.map((one) => ({ ...one, answers: [{ _tag: "Rejected" }, ...one.answers] }))
    }
    assert.deepStrictEqual(Array.from(audit(second).values()).flat(), [])
  })

  it.each(twins)("counts in “%s” that %s", (line, _, plant) => {
    assert.isNotEmpty(audit(plant(sound())).get(line))
  })

  it("has a fault for each of its lines", () => {
    assert.deepStrictEqual(
      linesOf(sound()).toSorted(),
      [...new Set(twins.map(([line]) => line))].toSorted()
    )
  })

  it("is clean only if no line has a finding", () => {
    const rest = {
      attacks: new Map(),
      orders: 1,
      commands: 1,
      doubtful: 0,
      events: new Map(),
      repeated: new Map()
    }
    const of = (other: ReadonlyArray<string>) =>
      report({ ...rest, findings: new Map([["other", other]]) })
    assert.isTrue(of([]).isClean)
    assert.include(of([]).lines, "other: 0")
    assert.isFalse(of(["a host did not end"]).isClean)
    assert.include(of(["a host did not end"]).lines, "other: 1")
  })
})
