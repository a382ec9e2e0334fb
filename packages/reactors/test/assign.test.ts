import { LogId } from "@daybook/kernel/LogId"
import * as Position from "@daybook/kernel/Position"
import { SLOTS } from "@daybook/reactors/ConsumerGroup"
import * as Law from "@daybook/testing/Law"
import * as LawSuite from "@daybook/testing/LawSuite"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  assign,
  type Host,
  neighbours,
  type RangeRow,
  type Rows
} from "../src/internal/group/assign.ts"

const LEASE = 3_000

const log = LogId.make("8f7a4f0e-3a54-4b62-9a53-0f4f6d1f6a10")

const at = (position: bigint) => ({ log, position: Position.make(position), event: null })

const fresh: Rows = {
  epoch: 1,
  members: [],
  ranges: [
    { first: 0, last: SLOTS - 1, epoch: 1, owner: undefined, leaseEnds: 0, checkpoint: at(0n) }
  ]
}

const host = (owner: string, now: number, more: Partial<Host> = {}): Host => ({
  owner,
  now,
  lease: LEASE,
  draining: new Set(),
  released: new Set(),
  ...more
})

const shape = ({ ranges }: Rows) =>
  ranges.map(({ first, last, owner }) => [first, last, owner ?? "free"])

describe("A host of a group", () => {
  it("claims all slots when it is alone", () => {
    const { drain, own, rows } = assign(fresh, host("a", 0))
    assert.deepStrictEqual(shape(rows), [[0, 1023, "a"]])
    assert.strictEqual(own[0]?.epoch, 2)
    assert.deepStrictEqual(drain, [])
  })

  it("drains what exceeds its share, and another host gets it", () => {
    const one = assign(fresh, host("a", 0))
    const two = assign(one.rows, host("b", 0))
    assert.deepStrictEqual(two.own, [])
    const three = assign(two.rows, host("a", 1))
    assert.deepStrictEqual(three.drain, [2])
    const waiting = assign(three.rows, host("a", 2, { draining: new Set([2]) }))
    assert.deepStrictEqual(waiting.drain, [])
    const four = assign(
      waiting.rows,
      host("a", 3, { draining: new Set([2]), released: new Set([2]) })
    )
    assert.deepStrictEqual(shape(four.rows), [
      [0, 511, "a"],
      [512, 1023, "free"]
    ])
    const five = assign(four.rows, host("b", 4))
    assert.deepStrictEqual(shape(five.rows), [
      [0, 511, "a"],
      [512, 1023, "b"]
    ])
  })

  it("takes over ranges whose lease has ended, under a new epoch", () => {
    const one = assign(fresh, host("a", 0))
    const early = assign(one.rows, host("b", LEASE - 1))
    assert.deepStrictEqual(early.own, [])
    const late = assign(one.rows, host("b", LEASE))
    assert.deepStrictEqual(shape(late.rows), [[0, 1023, "b"]])
    assert.isAbove(late.own[0]?.epoch ?? 0, one.own[0]?.epoch ?? 0)
  })

  it("joins free neighbours at one place of the log, and no others", () => {
    const range = (first: number, last: number, epoch: number, position: bigint): RangeRow => ({
      first,
      last,
      epoch,
      owner: undefined,
      leaseEnds: 0,
      checkpoint: at(position)
    })
    const rows: Rows = {
      epoch: 3,
      members: [],
      ranges: [range(0, 99, 1, 5n), range(100, 199, 2, 5n), range(200, 1023, 3, 6n)]
    }
    assert.deepStrictEqual(shape(assign(rows, host("a", 0)).rows), [
      [0, 199, "a"],
      [200, 1023, "a"]
    ])
  })

  it("names neighbouring ranges that could be one", () => {
    const { own } = assign(fresh, host("a", 0))
    const [whole] = own
    assert.isDefined(whole)
    const parts = [
      { ...whole, last: 99 },
      { ...whole, first: 100, last: 199, epoch: 9 },
      { ...whole, first: 300, epoch: 10 }
    ]
    const firsts = (isSteady: (range: RangeRow) => boolean) =>
      neighbours(parts, isSteady).map(({ first }) => first)
    assert.deepStrictEqual(
      firsts(() => true),
      [0, 100]
    )
    assert.deepStrictEqual(
      firsts(({ first }) => first !== 100),
      []
    )
  })
})

/** A turn of one of four hosts, some of which stop for good, after some time. */
const Turn = Schema.Struct({
  host: Schema.Literals(["a", "b", "c", "d"]),
  after: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: LEASE })),
  releases: Schema.Boolean,
  moves: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 }))
})

interface World {
  rows: Rows
  now: number
  readonly draining: Map<string, Set<number>>
}

type Rule = typeof assign

/** Plays the turns; returns the first broken rule, if there is one. */
const play = (turns: ReadonlyArray<typeof Turn.Type>, rule: Rule): string | undefined => {
  const world: World = { rows: fresh, now: 0, draining: new Map() }
  for (const turn of turns) {
    world.now += turn.after
    const before = world.rows
    const draining = world.draining.get(turn.host) ?? new Set()
    const released = turn.releases ? draining : new Set<number>()
    const done = rule(before, host(turn.host, world.now, { draining, released }))
    const held = new Set(done.own.map(({ epoch }) => epoch))
    world.draining.set(
      turn.host,
      new Set([...draining, ...done.drain].filter((epoch) => held.has(epoch)))
    )
    world.rows = {
      ...done.rows,
      ranges: done.rows.ranges.map((range) =>
        range.owner === turn.host
          ? { ...range, checkpoint: at(range.checkpoint.position + BigInt(turn.moves)) }
          : range
      )
    }
    const problem = broken(before, done.rows, turn.host, world.now, released)
    if (problem !== undefined) return problem
  }
  return undefined
}

const broken = (
  before: Rows,
  after: Rows,
  owner: string,
  now: number,
  released: ReadonlySet<number>
): string | undefined => {
  let next = 0
  for (const range of after.ranges) {
    if (range.first !== next) return `slot ${next} has no range or two`
    next = range.last + 1
  }
  if (next !== SLOTS) return `slot ${next} has no range`
  const epochs = new Set(after.ranges.map(({ epoch }) => epoch))
  if (epochs.size !== after.ranges.length) return "two ranges have one epoch"
  for (const range of after.ranges) {
    for (const old of before.ranges) {
      if (old.last < range.first || range.last < old.first) continue
      if (old.checkpoint.position !== range.checkpoint.position) {
        return "a slot has another checkpoint than before"
      }
      if (range.epoch < old.epoch) return "an epoch went back"
      const isLeased = old.owner !== undefined && old.leaseEnds > now && !released.has(old.epoch)
      if (isLeased && range.epoch !== old.epoch) return "a lease ended early"
      if (!isLeased && old.owner !== undefined && range.epoch === old.epoch) {
        return "a lease that ended is not fenced"
      }
    }
  }
  const members = after.members.filter(({ leaseEnds }) => leaseEnds > now).length
  const own = after.ranges.filter((range) => range.owner === owner && range.leaseEnds > now)
  const claimed = own.filter(({ epoch }) => epoch > before.epoch)
  const size = (ranges: ReadonlyArray<RangeRow>) =>
    ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0)
  if (claimed.length > 0 && size(own) > 2 * Math.ceil(SLOTS / members)) {
    return "a host claimed more than its share"
  }
  return undefined
}

/** Plays rounds in which every host does what it is told, until nothing changes. */
const settled = (turns: ReadonlyArray<typeof Turn.Type>, rule: Rule): string | undefined => {
  let rows = fresh
  let now = 0
  const hosts = [...new Set(turns.map((turn) => turn.host))]
  for (const turn of turns) {
    now += 1
    rows = rule(rows, host(turn.host, now)).rows
  }
  const toRelease = new Map<string, ReadonlySet<number>>()
  for (let round = 0; round < 12; round++) {
    for (const one of hosts) {
      now += 1
      const released = toRelease.get(one) ?? new Set()
      const done = rule(rows, host(one, now, { draining: released, released }))
      rows = done.rows
      toRelease.set(one, new Set(done.drain))
    }
  }
  if (rows.ranges.some(({ owner }) => owner === undefined)) return "a range stays free"
  const share = Math.ceil(SLOTS / hosts.length)
  for (const one of hosts) {
    const size = rows.ranges
      .filter(({ owner }) => owner === one)
      .reduce((sum, { first, last }) => sum + last - first + 1, 0)
    if (size > share) return `${one} has ${size} slots, more than ${share}`
  }
  return undefined
}

const inputs = () => Arbitrary.schema(Schema.Array(Turn))

const lawsFor = (rule: Rule): ReadonlyArray<Law.Law> => [
  Law.make({
    name: "each slot has one range, under an epoch that fences what ended, at its own checkpoint",
    inputs,
    problem: (turns) => play(turns, rule)
  }),
  Law.make({
    name: "hosts that drain as they are told end with all slots and their equal shares",
    inputs: () => Arbitrary.schema(Schema.NonEmptyArray(Turn)),
    problem: (turns) => settled(turns, rule)
  })
]

LawSuite.suite("The rule by which hosts share slots out", lawsFor(assign))

const mistakes: Readonly<Record<string, Rule>> = {
  "keeps the epoch of a lease that ended": (rows, of) => {
    const done = assign(rows, of)
    const back = (range: RangeRow) =>
      rows.ranges.find((old) => old.first === range.first && old.owner !== undefined)
    return {
      ...done,
      rows: {
        ...done.rows,
        ranges: done.rows.ranges.map((range) => ({
          ...range,
          epoch: back(range)?.epoch ?? range.epoch
        }))
      }
    }
  },
  "takes a range from a host that has it": (rows, of) =>
    assign({ ...rows, ranges: rows.ranges.map((range) => ({ ...range, leaseEnds: of.now })) }, of),
  "joins ranges at different places": (rows, of) =>
    assign({ ...rows, ranges: rows.ranges.map((range) => ({ ...range, checkpoint: at(0n) })) }, of),
  "never gives a range up": (rows, of) => ({ ...assign(rows, of), drain: [] })
}

describe("The laws catch a rule that", () => {
  for (const [mistake, rule] of Object.entries(mistakes)) {
    it.effect(mistake, () =>
      Effect.map(Law.broken(lawsFor(rule)), (found) => assert.isNotEmpty(found))
    )
  }
})
