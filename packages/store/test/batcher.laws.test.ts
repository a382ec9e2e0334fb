/**
 * The laws of a batcher, each with a broken twin that it catches: callers come, go and are answered
 * in a generated order, and calls that include a guilty item fail.
 */
import { assert, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Batcher from "../src/internal/batch/batcher.ts"

const MAX_BATCH = 4
const CAPACITY = 6

interface Item {
  readonly key: "a" | "b"
  readonly n: number
  readonly guilty: boolean
}

const Move = Schema.TaggedUnion({
  Come: { key: Schema.Literals(["a", "b"]), guilty: Schema.Boolean, alone: Schema.Boolean },
  /** The caller `of` steps before the last one goes. */
  Go: { of: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 8 })) },
  /** The oldest call under way ends. */
  End: {}
})
type Move = typeof Move.Type

type Make = typeof Batcher.make

/** Lets every fiber run until it waits. */
const settled = Effect.replicateEffect(Effect.yieldNow, 10, { discard: true })

/** Plays the moves and returns the laws that do not hold. */
const violations = (make: Make, moves: ReadonlyArray<Move>): Effect.Effect<ReadonlySet<string>> =>
  Effect.gen(function* () {
    const broken = new Set<string>()
    const law = (name: string, holds: boolean) => holds || broken.add(name)
    const underWay = new Set<Deferred.Deferred<void>>()
    const busy = new Set<string>()
    const done: Array<Item> = []
    /** The items whose callers went before they were sent. */
    const withdrawn = new Set<number>()
    const sent = new Set<number>()
    const kept = new Set<number>()

    const call = (items: ReadonlyArray<Item>): Effect.Effect<void, "refused"> => {
      const gate = Deferred.makeUnsafe<void>()
      return Effect.gen(function* () {
        const keys = new Set(items.map(({ key }) => key))
        for (const key of keys) law("one call of a key at a time", !busy.has(key))
        law("a batch holds what fits", items.length <= MAX_BATCH)
        for (const { n } of items) {
          law("a withdrawn item is not sent", !withdrawn.has(n))
          sent.add(n)
        }
        keys.forEach((key) => busy.add(key))
        underWay.add(gate)
        yield* Effect.ensuring(
          Deferred.await(gate),
          Effect.sync(() => {
            underWay.delete(gate)
            keys.forEach((key) => busy.delete(key))
          })
        )
        // A refused call does nothing.
        if (items.some(({ guilty }) => guilty)) return yield* Effect.fail("refused" as const)
        done.push(...items)
      })
    }

    const scope = yield* Scope.make()
    const batcher = yield* Scope.provide(
      make<"a" | "b", Item, number, "refused">({
        call: (items) =>
          Effect.as(
            call(items),
            items.map(({ n }) => Exit.succeed(n))
          ),
        fitting: () => {
          let count = 0
          return () => ++count <= MAX_BATCH
        },
        isOneItemsFault: () => true,
        keep: ({ n }) => {
          kept.add(n)
          return () => kept.delete(n)
        },
        capacity: CAPACITY
      }),
      scope
    )
    const end = Effect.suspend(() =>
      Effect.forEach([...underWay].slice(0, 1), (gate) => Deferred.succeed(gate, undefined))
    )

    const callers: Array<{ readonly item: Item; readonly fiber: Fiber.Fiber<number, "refused"> }> =
      []
    const gone = new Set<number>()
    for (const move of moves) {
      switch (move._tag) {
        case "Come": {
          const item = { key: move.key, n: callers.length, guilty: move.guilty }
          const coming = move.alone
            ? batcher.runOrSubmit(item.key, item, Effect.as(call([item]), item.n))
            : batcher.submit(item.key, item)
          callers.push({ item, fiber: yield* Effect.forkChild(coming, { startImmediately: true }) })
          break
        }
        case "Go": {
          const caller = callers.at(-1 - move.of)
          if (caller === undefined || caller.fiber.pollUnsafe() !== undefined) break
          const { n } = caller.item
          if (!sent.has(n)) withdrawn.add(n)
          gone.add(n)
          yield* Effect.forkChild(Fiber.interrupt(caller.fiber), { startImmediately: true })
          break
        }
        case "End":
          yield* end
      }
      yield* settled
    }
    while (underWay.size > 0) yield* Effect.andThen(end, settled)

    for (const { fiber, item } of callers) {
      const exit = fiber.pollUnsafe()
      law("each caller is answered", exit !== undefined)
      if (exit === undefined || gone.has(item.n)) continue
      law(
        "each caller gets its own answer, and the guilty ones a refusal",
        item.guilty
          ? Exit.isFailure(exit) && Exit.hasFails(exit)
          : Exit.isSuccess(exit) && exit.value === item.n
      )
    }
    law("no item is done twice", new Set(done.map(({ n }) => n)).size === done.length)
    law("each interrupted caller's place is freed", kept.size === 0)
    for (const key of ["a", "b"]) {
      const order = done.filter((item) => item.key === key).map(({ n }) => n)
      law(
        "items are done in their order",
        order.every((n, i) => i === 0 || n > (order[i - 1] ?? n))
      )
    }
    yield* Scope.close(scope, Exit.void)
    return broken
  })

const moves = Schema.Array(Move).check(Schema.isMaxLength(60))

it.effect.prop("A batcher keeps its laws while callers come and go", { moves }, ({ moves }) =>
  Effect.map(violations(Batcher.make, moves), (broken) => assert.deepStrictEqual([...broken], []))
)

const come = (key: "a" | "b" = "a", guilty = false): Move => ({
  _tag: "Come",
  key,
  guilty,
  alone: false
})
const end: Move = { _tag: "End" }
const go = (of: number): Move => ({ _tag: "Go", of })

/** Moves of all kinds, enough to expose each broken twin. */
const eventful: ReadonlyArray<Move> = [
  come(),
  go(0),
  come(),
  come("a", true),
  come(),
  come("b"),
  come(),
  come(),
  go(0),
  go(3),
  come(),
  come(),
  end,
  end,
  come(),
  go(6),
  end,
  come(),
  end
]

it.effect("A batcher keeps its laws where its broken twins don't", () =>
  Effect.map(violations(Batcher.make, eventful), (broken) =>
    assert.deepStrictEqual([...broken], [])
  )
)

/** Changes the options that a batcher is made with. */
const given =
  (
    change: <Item, A, E>(options: Batcher.Options<Item, A, E>) => Batcher.Options<Item, A, E>
  ): Make =>
  (options) =>
    Batcher.make(change(options))

const twins: Record<string, readonly [law: string, make: Make]> = {
  "never answers": [
    "each caller is answered",
    given((options) => ({
      ...options,
      call: (items) => Effect.andThen(options.call(items), Effect.never)
    }))
  ],
  "mixes the answers up": [
    "each caller gets its own answer, and the guilty ones a refusal",
    given((options) => ({
      ...options,
      call: (items) => Effect.map(options.call(items), (answers) => answers.toReversed())
    }))
  ],
  "lets the others suffer for one item": [
    "each caller gets its own answer, and the guilty ones a refusal",
    given((options) => ({ ...options, isOneItemsFault: () => false }))
  ],
  "repeats a call that was answered": [
    "no item is done twice",
    given((options) => ({
      ...options,
      call: (items) => Effect.andThen(options.call(items), options.call(items))
    }))
  ],
  "calls the last item first": [
    "items are done in their order",
    given((options) => ({
      ...options,
      call: ([first, ...others]) =>
        Effect.map(options.call(Arr.reverse(Arr.make(first, ...others))), (answers) =>
          answers.toReversed()
        )
    }))
  ],
  "takes all that wait": [
    "a batch holds what fits",
    given((options) => ({ ...options, fitting: () => () => true }))
  ],
  "never frees the place of a caller who has gone": [
    "each interrupted caller's place is freed",
    given((options) => ({
      ...options,
      keep: (item) => {
        options.keep(item)
        return () => {}
      }
    }))
  ],
  "sends an item whose caller has gone": [
    "a withdrawn item is not sent",
    (options) =>
      Effect.map(Batcher.make(options), (batcher) => ({
        ...batcher,
        submit: (key, item) =>
          Effect.flatMap(
            Effect.forkDetach(batcher.submit(key, item), { startImmediately: true }),
            Fiber.join
          )
      }))
  ],
  "makes several calls of a key at once": [
    "one call of a key at a time",
    (options) => {
      let lane = 0
      return Effect.map(Batcher.make<string, never, never, never>(options as never), (batcher) => ({
        submit: (_, item) => batcher.submit(`${lane++}`, item as never),
        runOrSubmit: (_, item) => batcher.submit(`${lane++}`, item as never)
      }))
    }
  ]
}

for (const [what, [law, make]] of Object.entries(twins)) {
  it.effect(`The laws of a batcher catch one that ${what}`, () =>
    Effect.map(violations(make, eventful), (broken) => assert.include([...broken], law))
  )
}

it.effect("A defect in a batch's rules fails those who wait, and the next item is called", () =>
  Effect.gen(function* () {
    let isBroken = true
    const batcher = yield* Batcher.make<"a", number, number, never>({
      call: (items) => Effect.succeed(items.map((n) => Exit.succeed(n))),
      fitting: () => {
        if (isBroken) throw new Error("a bug")
        return () => true
      },
      isOneItemsFault: () => true,
      keep: () => () => {}
    })
    assert.isTrue(Exit.hasDies(yield* Effect.exit(batcher.submit("a", 1))))
    isBroken = false
    assert.strictEqual(yield* batcher.submit("a", 2), 2)
  }).pipe(Effect.scoped)
)
