import type { EventCodec } from "@daybook/kernel/EventCodec"
import * as Order from "@daybook/order/Order"
import type { OrderEvent } from "@daybook/order/OrderEvent"
import type { OrderStatus } from "@daybook/order/OrderState"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore, EventStoreError } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as LegacyAudit from "../src/LegacyAudit.ts"
import * as LegacyHistory from "../src/LegacyHistory.ts"
import * as LegacyImport from "../src/LegacyImport.ts"
import type { LegacyRow } from "../src/LegacyTable.ts"

type Store = EventStore["Service"]

const on = (store: Store) =>
  Layer.provideMerge(
    Layer.fresh(CommandHandler.layer),
    Layer.succeed(EventStore, EventStore.of(store))
  )

const importInto = (store: Store, rows: ReadonlyArray<LegacyRow>) =>
  Effect.gen(function* () {
    const table = Stream.fromIterable(rows)
    const survey = yield* LegacyImport.survey(Order.aggregate, table)
    const imported = yield* LegacyImport.run(Order.aggregate, survey, table)
    return { survey, imported }
  }).pipe(Effect.provide(on(store)))

/** All that the log holds, as the table had it. */
const logged = (store: Store) =>
  Effect.map(Stream.runCollect(store.readAll()), (events) =>
    events.map(({ data, metadata, occurredAt, schemaVersion, streamId, type }) => ({
      id: metadata.custom?.["legacyId"],
      streamId,
      type,
      schemaVersion,
      data,
      occurredAt: DateTime.formatIso(occurredAt)
    }))
  )

const asLogged = (rows: ReadonlyArray<LegacyRow>) =>
  rows.map(({ aggregateId, createdAt, data, id, type }) => ({
    id: id.toString(),
    streamId: `order-${aggregateId}`,
    type,
    schemaVersion: 1,
    data,
    occurredAt: createdAt.replace(/\d{3}Z$/, "Z")
  }))

const ada = "5f2b1c3e-8d4a-4b6f-9c1e-2a7d3e4f5a6b"
const bob = "0b6d2a8e-1c5f-4e7a-8b3d-9f0e1d2c3b4a"

/** Rows of which each follows the one before it. */
const table = (
  ...events: ReadonlyArray<readonly [order: string, type: string, data?: object]>
): ReadonlyArray<LegacyRow> => {
  const versions = new Map<string, number>()
  return events.map(([aggregateId, type, data = {}], index) => {
    const version = (versions.get(aggregateId) ?? 0) + 1
    versions.set(aggregateId, version)
    const createdAt = `2009-12-01T08:26:${String(index % 60).padStart(2, "0")}.123456Z`
    const repeated = { aggregate_id: aggregateId, event_type: type, timestamp: createdAt }
    return {
      id: BigInt(index + 1),
      aggregateId,
      type,
      data: { ...repeated, ...data },
      version,
      createdAt
    }
  })
}

const created = (order: string) => [order, "OrderCreated", { customer_id: "17850" }] as const
const tea = (order: string, price: unknown = 2.55) =>
  [order, "ItemAdded", { product_id: "tea", quantity: 6, price }] as const

/** A store whose process dies at its nth append, before or after that one is written. */
const dyingAt = (store: Store, nth: number, written: boolean): Store => {
  let appends = 0
  const died = new EventStoreError({ operation: "appendAll", cause: "killed" })
  return {
    ...store,
    appendAll: (options) =>
      Effect.suspend(() => {
        appends += 1
        if (appends < nth) return store.appendAll(options)
        return Effect.andThen(written ? store.appendAll(options) : Effect.void, Effect.fail(died))
      })
  }
}

it.effect("An import keeps order, ids, times and data of every row", () =>
  Effect.gen(function* () {
    const store = yield* EventStoreMemory.make
    const rows = yield* LegacyHistory.generate(2_000)
    const { imported } = yield* importInto(store, rows)
    assert.deepStrictEqual(imported, { recorded: 2_000, known: 0, leftOut: new Map() })
    assert.deepStrictEqual<unknown>(yield* logged(store), asLogged(rows))
    const [first] = yield* Stream.runCollect(store.readAll({ limit: 1 }))
    assert.deepStrictEqual(first?.metadata.custom, {
      legacyId: "1",
      legacyVersion: 1,
      createdAt: "2009-12-01T07:51:00.000919Z"
    })
  })
)

it.effect(
  "An import changes nothing when it runs again, and goes on where the table has grown",
  () =>
    Effect.gen(function* () {
      const store = yield* EventStoreMemory.make
      const rows = yield* LegacyHistory.generate(1_300)
      yield* importInto(store, rows.slice(0, 777))
      const again = yield* importInto(store, rows.slice(0, 777))
      assert.deepStrictEqual(again.imported, { recorded: 0, known: 777, leftOut: new Map() })
      const grown = yield* importInto(store, rows)
      assert.deepStrictEqual(grown.imported, { recorded: 523, known: 777, leftOut: new Map() })
      assert.deepStrictEqual<unknown>(yield* logged(store), asLogged(rows))
    })
)

for (const written of [false, true]) {
  const when = written ? "after" : "before"
  it.effect(`An import ends with the same log wherever it dies ${when} an append was written`, () =>
    Effect.gen(function* () {
      const rows = yield* LegacyHistory.generate(150)
      let nth = 1
      for (; ; nth++) {
        const store = yield* EventStoreMemory.make
        const cut = yield* Effect.result(importInto(dyingAt(store, nth, written), rows))
        if (Result.isSuccess(cut)) break
        yield* importInto(store, rows)
        assert.deepStrictEqual<unknown>(yield* logged(store), asLogged(rows))
      }
      assert.isAbove(nth, 10)
    })
  )
}

it.effect("Two imports of a table at once record each row once", () =>
  Effect.gen(function* () {
    const store = yield* EventStoreMemory.make
    const rows = yield* LegacyHistory.generate(900)
    for (const ahead of [100, 333, 777]) {
      let waiting = true
      // The other one runs when this one has found nothing in the log yet.
      const overtaken: Store = {
        ...store,
        find: (ids) =>
          Effect.tap(store.find(ids), () => {
            if (!waiting) return Effect.void
            waiting = false
            return Effect.orDie(importInto(store, rows.slice(0, ahead)))
          })
      }
      const { imported } = yield* importInto(overtaken, rows.slice(0, ahead + 20))
      assert.strictEqual(imported.known + imported.recorded, ahead + 20)
      assert.isEmpty(imported.leftOut)
    }
    yield* importInto(store, rows)
    assert.deepStrictEqual<unknown>(yield* logged(store), asLogged(rows))
  })
)

it.effect("An import takes rows of more data than one append holds", () =>
  Effect.gen(function* () {
    const store = yield* EventStoreMemory.make
    const reason = "x".repeat(1_000_000)
    const rows = table(
      created(ada),
      ...Array.from({ length: 18 }, () => [ada, "OrderCancelled", { reason }] as const)
    )
    const { imported } = yield* importInto(store, rows)
    assert.strictEqual(imported.recorded, 19)
  })
)

it.effect("An order with a row that can't be read is left out whole, with the reason", () =>
  Effect.gen(function* () {
    const store = yield* EventStoreMemory.make
    for (const [row, reason] of [
      [tea(bob, "2.55"), /^ItemAdded: .*price/s],
      [tea(bob, -1), /^ItemAdded: .*price/s],
      [[bob, "OrderGifted"], /^OrderGifted: the type is not one of OrderCreated, /],
      [[bob, "order gifted!"], /an event type/],
      [
        [bob, "OrderConfirmed", { ref: 2 ** 53 }],
        /data\.ref of event 0 is or holds an integer past 2\^53 - 1/
      ],
      [[bob, "OrderConfirmed", { note: "x".repeat(1_100_000) }], /at most 1048576 are allowed/],
      [["no uuid -\n", "OrderCreated", { customer_id: "1" }], /no uuid/]
    ] as const) {
      const rows = table(created(bob), tea(bob), row, created(ada), tea(ada))
      const leftOut = row[0]
      const { imported, survey } = yield* importInto(yield* EventStoreMemory.make, rows)
      assert.deepStrictEqual([survey.rows, imported.leftOut], [5, survey.leftOut])
      const { id, reason: why } = imported.leftOut.get(leftOut) ?? {}
      assert.deepStrictEqual(id, 3n)
      assert.match(why ?? "", reason)
      assert.strictEqual(imported.recorded, leftOut === bob ? 2 : 4)
    }
    const bad = table(created(bob), tea(bob)).map((row) => ({ ...row, createdAt: "yesterday" }))
    const { imported } = yield* importInto(store, bad)
    assert.strictEqual(
      imported.leftOut.get(bob)?.reason,
      "created_at is yesterday, which is not a time"
    )
    assert.deepStrictEqual(yield* logged(store), [])
  })
)

it.effect("An order is left out whole for a row that comes long after its others", () =>
  Effect.gen(function* () {
    const store = yield* EventStoreMemory.make
    const many = Array.from({ length: 1_200 }, () => tea(ada))
    const { imported } = yield* importInto(
      store,
      table(created(bob), created(ada), ...many, tea(bob, "much"))
    )
    assert.strictEqual(imported.recorded, 1_201)
    assert.deepStrictEqual([...imported.leftOut.keys()], [bob])
  })
)

it.effect("A row that turns up before imported ones of its order is not appended after them", () =>
  Effect.gen(function* () {
    const rows = table(created(ada), tea(ada), tea(ada, 1.1), created(bob))
    const first = Arr.getUnsafe(rows, 0)
    for (const between of [0, 600]) {
      const store = yield* EventStoreMemory.make
      const others = Array.from({ length: between }, (_, index) => ({
        ...first,
        aggregateId: `${bob.slice(0, -3)}${String(index).padStart(3, "0")}`,
        id: BigInt(-1 - index)
      }))
      const all = [...rows.slice(0, 2), ...others, ...rows.slice(2)]
      yield* importInto(
        store,
        all.filter(({ id }) => id !== 2n)
      )
      const { imported } = yield* importInto(store, all)
      const reason =
        between === 0
          ? "the log holds this row at revision 2, not 3"
          : "the log is at revision 2 of it, the table at 1"
      assert.deepStrictEqual(
        [...imported.leftOut.values()].map((remark) => [remark.order, remark.reason]),
        [[ada, reason]]
      )
      assert.strictEqual(imported.recorded, 0)
    }
  })
)

it.effect("A row whose data repeats its columns otherwise is imported, and remarked on", () =>
  Effect.gen(function* () {
    const store = yield* EventStoreMemory.make
    const rows = table(
      created(ada),
      [ada, "ItemRemoved", { product_id: "tea", aggregate_id: bob, timestamp: null }],
      [ada, "OrderConfirmed", { event_type: 7, timestamp: 1_259_656_000 }]
    )
    const { imported, survey } = yield* importInto(store, rows)
    assert.strictEqual(imported.recorded, 3)
    assert.deepStrictEqual(
      survey.remarks.first.map(({ id, reason }) => [id, reason]),
      [
        [2n, `its data says aggregate_id "${bob}"`],
        [3n, "its data says event_type 7"]
      ]
    )
  })
)

it.effect("A row whose version does not follow is imported, and remarked on", () =>
  Effect.gen(function* () {
    const store = yield* EventStoreMemory.make
    const rows = table(created(ada), tea(ada), tea(ada)).map((row) =>
      row.id === 3n ? { ...row, version: 7 } : row
    )
    const { imported, survey } = yield* importInto(store, rows)
    assert.strictEqual(imported.recorded, 3)
    assert.deepStrictEqual(survey.remarks, {
      count: 1,
      first: [{ id: 3n, order: ada, reason: "version 7 follows version 2" }]
    })
  })
)

it.effect(
  "An order that went on in the log is left out from there on, and the others are not",
  () =>
    Effect.gen(function* () {
      const store = yield* EventStoreMemory.make
      const rows = table(created(ada), created(bob), tea(ada), tea(bob), tea(ada), tea(bob))
      yield* importInto(store, rows.slice(0, 3))
      yield* Effect.gen(function* () {
        const handler = yield* CommandHandler
        yield* handler.execute(Order.aggregate, ada, { _tag: "CancelOrder", reason: "moved" })
      }).pipe(Effect.provide(on(store)))
      const { imported } = yield* importInto(store, rows)
      assert.deepStrictEqual([imported.known, imported.recorded], [3, 2])
      assert.deepStrictEqual(
        [...imported.leftOut.values()],
        [{ id: 5n, order: ada, reason: "the log is at revision 3 of it, the table at 2" }]
      )
    })
)

it.effect("The audit finds each order where the old rules were wrong", () =>
  Effect.gen(function* () {
    const store = yield* EventStoreMemory.make
    const [eve, kim] = [
      "1a2b3c4d-0000-4000-8000-000000000001",
      "1a2b3c4d-0000-4000-8000-000000000002"
    ]
    const rows = table(
      created(ada),
      tea(ada),
      [ada, "ItemRemoved", { product_id: "tea" }],
      created(bob),
      tea(bob),
      [bob, "OrderCancelled", { reason: "" }],
      created(eve),
      tea(eve),
      [eve, "OrderConfirmed"],
      tea(eve, 1.1),
      tea(eve),
      created(kim),
      tea(kim),
      [kim, "OrderConfirmed"]
    )
    yield* importInto(store, rows)
    const audit = yield* LegacyAudit.run(
      Stream.fromIterable(rows),
      new Set([ada, bob, eve, kim])
    ).pipe(Effect.provide(on(store)))
    assert.deepStrictEqual(audit, {
      orders: 4,
      same: 4,
      different: { count: 0, first: [] },
      miscounted: { count: 1, first: [{ order: ada, finding: "said 5, has 0" }] },
      unnoticed: { count: 1, first: [{ order: bob, finding: "said draft" }] },
      changed: { count: 1, first: [{ order: eve, finding: "2 times" }] },
      statuses: new Map<OrderStatus, { readonly old: number; readonly log: number }>([
        ["draft", { old: 2, log: 1 }],
        ["cancelled", { old: 0, log: 1 }],
        ["confirmed", { old: 2, log: 2 }]
      ])
    })
  })
)

it.effect(
  "The audit compares with the order as it was imported, whatever happened to it since",
  () =>
    Effect.gen(function* () {
      const store = yield* EventStoreMemory.make
      const rows = table(created(ada), tea(ada))
      yield* importInto(store, rows)
      const audit = yield* Effect.gen(function* () {
        const handler = yield* CommandHandler
        yield* handler.execute(Order.aggregate, ada, { _tag: "ConfirmOrder" })
        return yield* LegacyAudit.run(Stream.fromIterable(rows), new Set([ada]))
      }).pipe(Effect.provide(on(store)))
      assert.deepStrictEqual([audit.same, audit.different.count], [1, 0])
    })
)

it.effect("The audit reports prices with a fraction of a penny, which are rounded", () =>
  Effect.gen(function* () {
    const store = yield* EventStoreMemory.make
    const rows = table(created(ada), tea(ada, 0.005), created(bob), tea(bob, 0.1 + 0.2))
    yield* importInto(store, rows)
    const audit = yield* LegacyAudit.run(Stream.fromIterable(rows), new Set([ada, bob])).pipe(
      Effect.provide(on(store))
    )
    assert.strictEqual(audit.same, 1)
    assert.deepStrictEqual(audit.different.first, [
      {
        order: ada,
        finding:
          "draft, customer 17850, 6 x tea 0.5 by the old rules, draft, customer 17850, 6 x tea 1 in the log"
      }
    ])
  })
)

it.effect("The audit notices an import that loses a row, and a codec that reads one wrongly", () =>
  Effect.gen(function* () {
    const rows = table(created(ada), tea(ada), tea(ada, 1.1), created(bob), tea(bob))
    const differences = (imported: ReadonlyArray<LegacyRow>, aggregate = Order.aggregate) =>
      Effect.gen(function* () {
        const store = yield* EventStoreMemory.make
        yield* importInto(store, imported)
        const audit = LegacyAudit.run(Stream.fromIterable(rows), new Set([ada, bob]), aggregate)
        return (yield* Effect.provide(audit, on(store))).different
      })
    assert.strictEqual((yield* differences(rows)).count, 0)
    assert.deepStrictEqual(yield* differences(rows.filter(({ id }) => id !== 3n)), {
      count: 1,
      first: [
        {
          order: ada,
          finding:
            "draft, customer 17850, 6 x tea 255 + 6 x tea 110 by the old rules, draft, customer 17850, 6 x tea 255 in the log"
        }
      ]
    })
    const truncating: EventCodec<OrderEvent> = {
      ...Order.aggregate.codec,
      decode: (event) =>
        Result.map(Order.aggregate.codec.decode(event), (events) =>
          events.map((one) =>
            one._tag === "ItemAdded" && one.unitPrice.minor === 110
              ? { ...one, unitPrice: { ...one.unitPrice, minor: 109 } }
              : one
          )
        )
    }
    const different = yield* differences(rows, { ...Order.aggregate, codec: truncating })
    assert.strictEqual(different.count, 1)
  })
)
