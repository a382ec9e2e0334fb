import * as Law from "@daybook/testing/Law"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

const ints = () => Arbitrary.schema(Schema.Int)

const small = Law.make({
  name: "integers are small",
  inputs: ints,
  problem: (n) => (Math.abs(n) < 100 ? undefined : `${n} is large`)
})

const brokenBy = <R>(law: Law.Law<R>, options?: Law.CheckOptions) => Effect.flip(law.check(options))

describe("A law", () => {
  it.effect("holds when no input breaks it", () =>
    Law.check(Law.make({ name: "integers are whole", inputs: ints, problem: () => undefined }), {
      seed: 1
    })
  )

  it.effect("shows the smallest input that was found, its problem, and how to replay it", () =>
    Effect.gen(function* () {
      const { message, reason } = yield* brokenBy(small, { seed: 1 })
      assert.strictEqual(reason._tag, "Falsified")
      assert.match(
        message,
        /^broken: integers are small\n-?100 is large\n\nfor -?100\n\nfound in run/
      )
      assert.include(message, `to replay: { replay: "[`)
    })
  )

  it.effect("breaks on the same input again when its failure is replayed", () =>
    Effect.gen(function* () {
      const { reason } = yield* brokenBy(small)
      if (reason._tag !== "Falsified") return assert.fail(reason._tag)
      const again = yield* brokenBy(small, { replay: reason.replay })
      if (again.reason._tag !== "Falsified") return assert.fail(again.reason._tag)
      assert.strictEqual(again.reason.input, reason.input)
    })
  )

  it.effect("reports that a replayed failure no longer breaks the law", () =>
    Effect.gen(function* () {
      const { reason } = yield* brokenBy(small, { seed: 1 })
      if (reason._tag !== "Falsified") return assert.fail(reason._tag)
      const mended = Law.make({ name: "mended", inputs: ints, problem: () => undefined })
      const { message } = yield* brokenBy(mended, { replay: reason.replay })
      assert.match(message, /^not replayed: mended\n\[.*: PropertyPassed$/)
    })
  )

  it.effect("is broken by a throw, a defect or a failure", () =>
    Effect.gen(function* () {
      const laws = [
        () => {
          throw new Error("thrown")
        },
        () => Effect.die("dead"),
        () => Effect.fail({ failed: true })
      ].map((problem) => Law.make({ name: "l", inputs: ints, problem }))
      const broken = yield* Law.broken(laws)
      assert.deepStrictEqual(
        broken.map(({ reason }) => (reason._tag === "Falsified" ? reason.problem : reason._tag)),
        ["thrown", 'threw "dead"', 'threw {"failed":true}']
      )
    })
  )

  it.effect("does not hold when its inputs can't be generated", () =>
    Effect.gen(function* () {
      const none = Law.make({
        name: "of nothing",
        inputs: () => Arbitrary.filter(ints(), () => false),
        problem: () => undefined
      })
      assert.include((yield* brokenBy(none)).message, "not tried: of nothing\nonly 0 inputs")
      const underived = Law.make({
        name: "of no schema",
        inputs: () => Arbitrary.schema(Schema.Never),
        problem: () => undefined
      })
      assert.strictEqual((yield* brokenBy(underived)).reason._tag, "NotGenerated")
    })
  )

  it.effect("is broken even when its input can't be shown", () =>
    Effect.gen(function* () {
      const law = Law.make({
        name: "l",
        inputs: ints,
        problem: () => "wrong",
        show: () => {
          throw new Error("can't look")
        }
      })
      assert.include((yield* brokenBy(law)).message, "(not shown: can't look)")
    })
  )

  it.effect("shows a simpler input that breaks it too, by its own simplifications", () =>
    Effect.gen(function* () {
      const law = (simpler?: (n: number) => ReadonlyArray<number>) =>
        Law.make({
          name: "l",
          inputs: () => Arbitrary.schema(Schema.Literals([600])),
          problem: (n) => (n < 100 ? undefined : `${n} is large`),
          ...(simpler === undefined ? {} : { simpler })
        })
      const less = law((n) => [n - 200, n - 1])
      const found = yield* brokenBy(less)
      assert.include(found.message, "100 is large\n\nfor 100\n")
      assert.include((yield* brokenBy(law())).message, "for 600")
      assert.include((yield* brokenBy(less, { maxShrinks: 3 })).message, "for 200")
      if (found.reason._tag !== "Falsified") return assert.fail(found.reason._tag)
      const again = yield* brokenBy(less, { replay: found.reason.replay })
      assert.include(again.message, "for 100")
    })
  )

  it.effect("without inputs is tried once, and shows no input", () =>
    Effect.gen(function* () {
      let tried = 0
      yield* Law.once({
        name: "once",
        problem: () => {
          tried++
          return undefined
        }
      }).check()
      assert.strictEqual(tried, 1)
      const { message } = yield* brokenBy(Law.once({ name: "once", problem: () => "wrong" }))
      assert.strictEqual(message, "broken: once\nwrong")
    })
  )

  it.effect("of a program holds when it succeeds, in a scope of its own", () =>
    Effect.gen(function* () {
      const ended: Array<string> = []
      const law = (name: string, end: Effect.Effect<unknown, unknown>) =>
        Law.fromEffect(
          name,
          Effect.andThen(
            Effect.addFinalizer(() => Effect.sync(() => ended.push(name))),
            end
          )
        )
      yield* Law.check(law("held", Effect.succeed("an answer")))
      assert.deepStrictEqual(ended, ["held"])
      const cause = new Error("two winners")
      for (const end of [Effect.fail(cause), Effect.die(cause)]) {
        const broken = yield* brokenBy(law("one wins", end))
        assert.strictEqual(broken.message, "broken: one wins\ntwo winners")
        assert.strictEqual(broken.cause, cause)
      }
      assert.deepStrictEqual(ended, ["held", "one wins", "one wins"])
    })
  )

  it.effect("is interrupted, not broken, when its program is", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Law.check(Law.fromEffect("l", Effect.interrupt)))
      assert.isTrue(Exit.hasInterrupts(exit))
    })
  )

  it.effect("is provided with the services that it needs", () =>
    Effect.gen(function* () {
      class Limit extends Context.Service<Limit, number>()("test/Limit") {}
      const limited = Law.make({
        name: "limited",
        inputs: ints,
        problem: (n) =>
          Effect.map(Limit, (limit) => (Math.abs(n) < limit ? undefined : `${n} is large`))
      })
      yield* Law.check(Law.provide(limited, Layer.succeed(Limit, Number.POSITIVE_INFINITY)))
      const { reason } = yield* brokenBy(Law.provide(limited, Layer.succeed(Limit, 10)), {
        seed: 1
      })
      assert.strictEqual(reason._tag, "Falsified")
    })
  )
})
