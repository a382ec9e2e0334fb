/**
 * Many appends at once that maintain inline read models: each has its own answer, and the rows are
 * those of a replay; on any store.
 */
import type * as Projection from "@daybook/kernel/Projection"
import * as Revision from "@daybook/kernel/Revision"
import * as OnDemandProjection from "@daybook/projections/OnDemandProjection"
import * as ReadModel from "@daybook/projections/ReadModel"
import { ReadModelStoreError } from "@daybook/projections/ReadModelError"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import {
  type Append,
  EventIdConflict,
  type EventStore,
  EventStoreError,
  WrongExpectedRevision
} from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { assert, layer } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { appendTo, folded, fresh, hostOf, makeInline, rows, sold } from "./inlineShop.ts"

type Shop = ReturnType<typeof fresh>

/** Appends that all touch the row of one product, and others. */
const sales = ({ till }: Shop, count: number): ReadonlyArray<Append> =>
  Arr.makeBy(count, (n) =>
    appendTo(till, `${n}`, [sold("tea", n), sold(n % 3 === 0 ? "mug" : "pot", n + 1)])
  )

/** Makes both read models of a shop inline. */
const opened = Effect.gen(function* () {
  const shop = fresh()
  yield* makeInline(shop.products)
  yield* makeInline(shop.takings)
  return shop
})

/** Appends all at once; returns the answers in the order of the appends. */
const together = (host: EventStore["Service"], appends: ReadonlyArray<Append>) =>
  Effect.forEach(appends, (append) => Effect.result(host.append(append)), {
    concurrency: "unbounded"
  })

const sorted = <A>(rows: ReadonlyArray<A>, by: (row: A) => string) =>
  rows.toSorted((a, b) => (by(a) < by(b) ? -1 : 1))

/** Compares the rows of both read models with a replay of the log. */
const areReplayed = Effect.fnUntraced(function* ({ products, takings }: Shop) {
  assert.deepStrictEqual(yield* rows(products), yield* folded(products))
  assert.deepStrictEqual(
    sorted(yield* Stream.runCollect(ReadModel.query(takings)), ({ tillId }) => tillId),
    sorted(yield* OnDemandProjection.tableAt(takings), ({ tillId }) => tillId)
  )
})

const modeOf = (projection: Projection.Any) =>
  Effect.flatMap(ReadModelStore, (store) =>
    Effect.map(store.states(projection.name), ([state]) => state?.mode)
  )

const failureOf = <A, E>(answer: Result.Result<A, E> | undefined): E | undefined =>
  answer !== undefined && Result.isFailure(answer) ? answer.failure : undefined

export const cases = <E>(
  name: string,
  stores: Layer.Layer<EventStore | ReadModelStore, E>
): void => {
  layer(stores, { timeout: "2 minutes", excludeTestServices: true })(name, (it) => {
    it.effect("answer each for itself, and leave the rows of a replay", () =>
      Effect.gen(function* () {
        const shop = yield* opened
        const host = yield* hostOf(shop.products, shop.takings)
        const [before] = yield* together(host, [appendTo(shop.till, "0", [sold("tea", 1)])])
        const recorded = appendTo(shop.till, "recorded", [sold("tea", 2), sold("mug", 3)])
        const first = yield* host.append(recorded)
        const good = sales(shop, 60)
        const answers = yield* together(host, [
          ...good.slice(0, 20),
          appendTo(shop.till, "0", [sold("tea", 9)], ExpectedRevision.exactly(Revision.make(99))),
          ...good.slice(20, 40),
          recorded,
          appendTo(shop.till, "other", recorded.events),
          ...good.slice(40)
        ])
        assert.isTrue(before !== undefined && Result.isSuccess(before))
        assert.instanceOf(failureOf(answers[20]), WrongExpectedRevision)
        assert.deepStrictEqual(answers[41], Result.succeed({ ...first, repeated: true }))
        assert.instanceOf(failureOf(answers[42]), EventIdConflict)
        assert.strictEqual(answers.filter(Result.isSuccess).length, 61)
        yield* areReplayed(shop)
        for (const model of [shop.products, shop.takings]) {
          assert.strictEqual(yield* modeOf(model), "inline")
        }
      }).pipe(Effect.scoped)
    )

    it.effect("are in the rows once they have succeeded", () =>
      Effect.gen(function* () {
        const shop = yield* opened
        const host = yield* hostOf(shop.products, shop.takings)
        const found = yield* Effect.forEach(
          Arr.range(1, 40),
          (n) =>
            Effect.andThen(
              host.append(appendTo(shop.till, `${n}`, [sold("tea", n)])),
              ReadModel.get(shop.takings, { tillId: `${n}` })
            ),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(
          found.map((row) => Option.getOrThrow(row).cents),
          Arr.range(1, 40)
        )
      }).pipe(Effect.scoped)
    )

    it.effect("go on without the read model that can't fold the event of one of them", () =>
      Effect.gen(function* () {
        const shop = yield* opened
        const host = yield* hostOf(shop.products, shop.takings)
        const good = sales(shop, 40)
        const answers = yield* together(host, [
          ...good.slice(0, 20),
          appendTo(shop.till, "bad", [sold("poison", 1)]),
          ...good.slice(20)
        ])
        assert.isTrue(answers.every(Result.isSuccess))
        assert.strictEqual(yield* modeOf(shop.products), "async")
        assert.strictEqual(yield* modeOf(shop.takings), "inline")
        assert.deepStrictEqual(
          sorted(yield* Stream.runCollect(ReadModel.query(shop.takings)), ({ tillId }) => tillId),
          sorted(yield* OnDemandProjection.tableAt(shop.takings), ({ tillId }) => tillId)
        )
        const store = yield* ReadModelStore
        const [state] = yield* store.states(shop.products.name)
        const position = Option.getOrThrow(Option.fromUndefinedOr(state?.checkpoints[0]))
        assert.deepStrictEqual(
          yield* rows(shop.products),
          sorted(
            yield* OnDemandProjection.tableAt(shop.products, { position }),
            ({ product }) => product
          )
        )
      }).pipe(Effect.scoped)
    )

    it.effect("succeed where one fails, since its event can't be folded or given back", () =>
      Effect.gen(function* () {
        const shop = yield* opened
        const store = yield* ReadModelStore
        const host = yield* hostOf(shop.products, shop.takings).pipe(
          Effect.provideService(ReadModelStore, {
            ...store,
            makeAsync: () =>
              Effect.fail(new ReadModelStoreError({ operation: "makeAsync", cause: "no right" }))
          })
        )
        const good = sales(shop, 40)
        const answers = yield* together(host, [
          ...good.slice(0, 20),
          appendTo(shop.till, "bad", [sold("poison", 1)]),
          ...good.slice(20)
        ])
        assert.instanceOf(failureOf(answers[20]), EventStoreError)
        assert.strictEqual(answers.filter(Result.isSuccess).length, 40)
        yield* areReplayed(shop)
      }).pipe(Effect.scoped)
    )

    it.effect("of two hosts touch the same rows in any order, and miss nothing", () =>
      Effect.gen(function* () {
        const shop = yield* opened
        const hosts = [
          yield* hostOf(shop.products, shop.takings),
          yield* hostOf(shop.takings, shop.products)
        ]
        const appends = sales(shop, 80)
        yield* Effect.forEach(
          appends.entries(),
          ([n, { events, ...append }]) =>
            (hosts[n % 2] ?? assert.fail("two hosts")).append({
              ...append,
              events: n % 4 < 2 ? events : Arr.reverse(events)
            }),
          { concurrency: "unbounded" }
        )
        yield* areReplayed(shop)
      }).pipe(Effect.scoped)
    )

    it.effect("are not those of a replay where a fold leaves out events of its call", () =>
      Effect.gen(function* () {
        const shop = yield* opened
        const store = yield* ReadModelStore
        const host = yield* hostOf(shop.products, shop.takings).pipe(
          Effect.provideService(ReadModelStore, {
            ...store,
            inline: (call) =>
              store.inline({
                ...call,
                fold: (model, recorded, rows) => call.fold(model, recorded.slice(-1), rows)
              })
          })
        )
        yield* together(host, sales(shop, 20))
        assert.notDeepEqual(yield* rows(shop.products), yield* folded(shop.products))
      }).pipe(Effect.scoped)
    )
  })
}
