import * as EventCodec from "@daybook/kernel/EventCodec"
import * as Projection from "@daybook/kernel/Projection"
import * as StreamId from "@daybook/kernel/StreamId"
import * as ProjectionSpecification from "@daybook/testing/ProjectionSpecification"
import * as LawSuite from "@daybook/testing/LawSuite"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as Account from "./Account.ts"

const Row = Schema.Struct({
  account: Schema.String,
  owner: Schema.String,
  balance: Schema.BigInt,
  changedBy: Schema.NullOr(Schema.String),
  changedAt: Schema.DateTimeUtc
})
type Row = typeof Row.Type

const define = Projection.define({
  name: "balances",
  version: 1,
  from: [Account.aggregate],
  row: Row,
  primaryKey: ["account"]
})

const definition: Parameters<typeof define.fold<undefined>>[0] = {
  keys: (_event, { streamId }) => [{ account: StreamId.id(streamId) }],
  initial: () => undefined,
  apply: (row, event, { key, recorded }): Row | undefined => {
    const changed = {
      changedBy: recorded.metadata.actor ?? null,
      changedAt: recorded.occurredAt
    }
    return Account.Event.match(event, {
      Opened: ({ owner }): Row | undefined => ({ ...key, owner, balance: 0n, ...changed }),
      Deposited: ({ amount }) => row && { ...row, balance: row.balance + amount, ...changed },
      Withdrawn: ({ amount }) => row && { ...row, balance: row.balance - amount, ...changed },
      Closed: () => undefined
    })
  }
}

const balances = define.fold(definition)
/** Keeps the rows of accounts that are closed. */
const hoarding = define.fold({
  ...definition,
  apply: (row, event, applied) =>
    event._tag === "Closed" ? row : definition.apply(row, event, applied)
})

const { eventId, noRow, occurredAt } = ProjectionSpecification
const ada = ProjectionSpecification.stream(Account.aggregate, "1")
const bob = ProjectionSpecification.stream(Account.aggregate, "2", { metadata: { actor: "Bob" } })

const opened = (owner: string): Account.Event => ({ _tag: "Opened", owner })
const deposited = (amount: bigint): Account.Event => ({ _tag: "Deposited", amount })
const withdrawn = (amount: bigint): Account.Event => ({ _tag: "Withdrawn", amount })
const closed: Account.Event = { _tag: "Closed" }
const row: Row = {
  account: "1",
  owner: "Ada",
  balance: 0n,
  changedBy: null,
  changedAt: occurredAt(1)
}

const specificationOf = (projection: typeof balances) =>
  ProjectionSpecification.make(
    "balances",
    projection,
    (given) => ({
      "are none before an account is opened": given(ada.events(deposited(5n))).then([]),
      "add up what was paid in and out": given(
        ada.events(opened("Ada"), deposited(5n), withdrawn(2n))
      ).then([{ ...row, balance: 3n, changedAt: occurredAt(3) }]),
      "are separate by account, and hold the actor of the last change": given(
        bob.events(opened("Bob")),
        ada.events(opened("Ada")),
        bob.events(deposited(7n))
      ).then([
        { ...row, changedAt: occurredAt(2) },
        {
          account: "2",
          owner: "Bob",
          balance: 7n,
          changedBy: "Bob",
          changedAt: occurredAt(3)
        }
      ]),
      "hold the time of the change, not of its recording": given(
        ada.with({ occurredAt: DateTime.makeUnsafe(0) }).events(opened("Ada"))
      ).then([{ ...row, changedAt: DateTime.makeUnsafe(0) }]),
      "count events of the first version, which are in pounds": given(
        ada.events(opened("Ada")),
        ada.stored({ type: "Deposited", schemaVersion: 1, data: { pounds: 3 } })
      ).then([{ ...row, balance: 300n, changedAt: occurredAt(2) }]),
      "are gone when an account is closed": given(ada.events(opened("Ada"), closed)).then([
        noRow({ account: "1" })
      ])
    }),
    { covers: [Account.Event.cases] }
  )

LawSuite.suite(
  specificationOf(balances).name,
  ProjectionSpecification.laws(specificationOf(balances))
)

type Given = ProjectionSpecification.Given<Account.Event, { readonly account: string }, Row>

/** Returns the failure of one example. */
const failureOf = (
  example: (
    given: Given
  ) => ProjectionSpecification.Example<Account.Event, { readonly account: string }, Row>
) =>
  Result.match(
    ProjectionSpecification.check(
      ProjectionSpecification.make("balances", balances, (given) => ({
        "an example": example(given)
      }))
    ),
    { onSuccess: () => "", onFailure: ({ message }) => message }
  )

describe("A specification of a read model", () => {
  it("is checked without a test runner", () => {
    ProjectionSpecification.assert(specificationOf(balances))
  })

  it("catches a row that should be gone", () => {
    const failed = Result.getOrThrow(
      Result.flip(ProjectionSpecification.check(specificationOf(hoarding)))
    )
    assert.deepStrictEqual(
      failed.failures.map(({ sentence }) => sentence),
      ["are gone when an account is closed"]
    )
    assert.strictEqual(
      failed.message,
      `balances:

are gone when an account is closed
  given Opened { owner: "Ada" }
        Closed
  then  - no row { account: "1" }
        + {
        +   account: "1",
        +   balance: 0n,
        +   changedAt: DateTime.Utc(2026-01-01T00:01:00.000Z),
        +   changedBy: null,
        +   owner: "Ada"
        + }
        (read one by one)`
    )
  })

  it("shows by their keys which rows were expected and which are there", () => {
    assert.strictEqual(
      failureOf((given) =>
        given(ada.events(opened("Ada"), deposited(5n)), bob.events(opened("Bob"))).then([
          { ...row, balance: 6n, changedAt: occurredAt(2) }
        ])
      ),
      `balances:

an example
  given account-1: Opened { owner: "Ada" }
        account-1: Deposited { amount: 5n }
        account-2: Opened { owner: "Bob" } metadata { actor: "Bob" }
  then    {
            account: "1",
        -   balance: 6n,
        +   balance: 5n,
            changedAt: DateTime.Utc(2026-01-01T00:02:00.000Z),
            changedBy: null,
            owner: "Ada"
          }
        + {
        +   account: "2",
        +   balance: 0n,
        +   changedAt: DateTime.Utc(2026-01-01T00:03:00.000Z),
        +   changedBy: "Bob",
        +   owner: "Bob"
        + }
        (read one by one)`
    )
  })

  it("shows the circumstances that events are given in", () => {
    const id = eventId(7)
    const late = bob.with({ id, occurredAt: DateTime.makeUnsafe(0) })
    assert.include(
      failureOf((given) =>
        given(late.events(opened("Bob")), bob.with({ metadata: {} }).events(closed)).then([row])
      ),
      `given Opened { owner: "Bob" } at 1970-01-01T00:00:00.000Z, id ${id}, metadata { actor: "Bob" }
        Closed metadata {}
`
    )
  })

  it("throws when an unfinished example is awaited", async () => {
    const awaited = await Promise.resolve()
      .then(() => {
        let open: unknown
        ProjectionSpecification.make("balances", balances, (given) => {
          open = given(ada.events(opened("Ada")))
          return {}
        })
        return open
      })
      .catch((error: unknown) => String(error))
    assert.include(awaited, "an example was awaited")
  })

  it("shows the reason that events can't be folded or recorded", () => {
    const poisoned = failureOf((given) =>
      given(ada.stored({ type: "Deposited", schemaVersion: 1, data: { pounds: "3" } })).then([])
    )
    assert.include(poisoned, "ProjectionStopped")
    assert.include(
      failureOf((given) => given(ada.events(deposited(-1n))).then([])),
      "EventEncodeError"
    )
    assert.include(
      failureOf((given) =>
        given(ada.with({ id: eventId(1) }).events(opened("Ada"), deposited(1n))).then([])
      ),
      "two have one id"
    )
  })

  it("refuses events of a category that the projection does not read", () => {
    const category = StreamId.Category.make("savings")
    const savings = ProjectionSpecification.stream({ category, codec: Account.codec }, "1")
    assert.include(
      failureOf((given) => given(savings.events(opened("Ada"))).then([])),
      "invalid given events: savings is not read by balances"
    )
  })

  it("refuses invalid expected rows, and two of one key", () => {
    assert.include(
      failureOf((given) => given().then([{ ...row, owner: "a\u0000b" }])),
      "invalid expected rows: owner"
    )
    assert.include(
      failureOf((given) => given().then([row, row])),
      "has two rows"
    )
    assert.include(
      failureOf((given) => given().then([row, noRow({ account: "1" })])),
      "has a row and none"
    )
  })

  it("fails while an event is in no example", () => {
    const some = ProjectionSpecification.make(
      "balances",
      balances,
      (given) => ({
        "are none": given(ada.events(closed)).then([])
      }),
      { covers: [Account.Event.cases] }
    )
    assert.throws(
      () => ProjectionSpecification.assert(some),
      "no example of Opened, Deposited, Withdrawn"
    )
  })

  it("counts a stored event as the events that it decodes to", () => {
    const uncovered = (schemaVersion: number, data: Schema.Json) =>
      ProjectionSpecification.make(
        "balances",
        balances,
        (given) => ({
          "are none": given(ada.stored({ type: "Deposited", schemaVersion, data })).then([])
        }),
        { covers: [Account.Event.cases] }
      ).uncovered
    assert.deepStrictEqual(uncovered(1, { pounds: 3 }), ["Opened", "Withdrawn", "Closed"])
    assert.deepStrictEqual(uncovered(2, { amount: "3" }), ["Opened", "Withdrawn", "Closed"])
    // Nothing, where it can't be decoded.
    for (const version of [0, 3]) assert.include(uncovered(version, {}), "Deposited")
  })

  describe("of rows whose codec rounds to tenths", () => {
    const tenths = Schema.Finite.pipe(
      Schema.encodeTo(Schema.Finite, {
        decode: SchemaGetter.passthrough(),
        encode: SchemaGetter.transform((value: number) => Math.round(value * 10) / 10)
      })
    )
    const source = {
      category: StreamId.Category.make("drop"),
      codec: EventCodec.make({
        name: "drop",
        events: Schema.TaggedUnion({ Dropped: { litres: Schema.Finite } })
      })
    }
    const bucket = Projection.define({
      name: "bucket",
      version: 1,
      from: [source],
      row: Schema.Struct({
        bucket: Schema.String,
        litres: tenths,
        emptiedAt: Schema.Date
      }),
      primaryKey: ["bucket"]
    }).fold({
      keys: () => [{ bucket: "1" }],
      initial: (key) => ({ ...key, litres: 0, emptiedAt: new Date(0) }),
      apply: (row, { litres }) => ({ ...row, litres: row.litres + litres })
    })
    const failureOf = (drops: ReadonlyArray<number>, litres: number, emptiedAt = new Date(0)) => {
      const events = drops.map((litres) => ({ _tag: "Dropped", litres }) as const)
      const specification = ProjectionSpecification.make("a bucket", bucket, (given) => ({
        "holds what dropped into it": given(
          ProjectionSpecification.stream(source, "1").events(...events)
        ).then([{ bucket: "1", litres, emptiedAt }])
      }))
      return Result.match(ProjectionSpecification.check(specification), {
        onSuccess: () => "",
        onFailure: ({ message }) => message
      })
    }

    it("catches a row that loses something between two events, though not within a page", () => {
      assert.include(failureOf([0.25, 0.25], 0.5), "read one by one")
    })

    it("refuses an expected row that loses something when it is stored", () => {
      for (const litres of [0.25, 0.26]) {
        const message = failureOf([0.25], litres)
        assert.include(message, 'invalid expected rows: ["1"] comes back as {')
        assert.include(message, "litres: 0.3")
      }
    })

    it("treats a date of another class and a zero of the other sign as equal", () => {
      class Sunday extends Date {}
      assert.strictEqual(failureOf([0], -0, new Sunday(0)), "")
    })
  })
})
