import { assert, describe, it } from "vitest"
import { judge, type Outcome, report, type Survivor, survivorOf } from "./mutants.ts"

const mutant = (line: string, reason?: string): Survivor => ({
  file: "packages/kernel/src/A.ts",
  line,
  original: "<",
  replacement: "<=",
  ...(reason === undefined ? {} : { reason })
})
const outcomes = (killed: number, ...survived: ReadonlyArray<Survivor>): ReadonlyArray<Outcome> => [
  ...Array.from({ length: killed }, (_, n) => ({ status: "Killed", mutant: mutant(`k${n}`) })),
  ...survived.map((one) => ({ status: "Survived", mutant: one }))
]

describe("a run of mutants", () => {
  it("passes when all were noticed", () => {
    const judged = judge(outcomes(10), [])
    assert.isTrue(judged.passed)
    assert.strictEqual(report("kernel", judged), "kernel: 10 of 10 mutants noticed, 100.0 %")
  })

  it("passes when those that survived are listed with a reason", () => {
    assert.isTrue(judge(outcomes(9, mutant("a")), [mutant("a", "both are the same here")]).passed)
  })

  it("fails when a survivor is not listed, and shows it as it would be listed", () => {
    const judged = judge(outcomes(99, mutant("a")), [])
    assert.isFalse(judged.passed)
    assert.deepStrictEqual(judged.unknown, [mutant("a")])
    assert.include(report("kernel", judged), JSON.stringify(mutant("a")))
  })

  it("fails when a listed mutant is noticed now, or is gone", () => {
    const judged = judge(outcomes(10), [mutant("gone", "it was so")])
    assert.isFalse(judged.passed)
    assert.lengthOf(judged.stale, 1)
  })

  it("fails when a listed mutant has no reason", () => {
    for (const listed of [mutant("a"), mutant("a", " ")]) {
      assert.isFalse(judge(outcomes(99, mutant("a")), [listed]).passed)
    }
  })

  it("fails below nine tenths, whatever is listed", () => {
    const judged = judge(outcomes(8, mutant("a"), mutant("b")), [
      mutant("a", "equal"),
      mutant("b", "equal")
    ])
    assert.isFalse(judged.passed)
    assert.include(report("kernel", judged), "80.0 %\n  at least 90 % are wanted")
  })

  it("counts what no test covers as survived, a loop as noticed, and leaves out what was not tried", () => {
    const judged = judge(
      ["NoCoverage", "Timeout", "Killed", "RuntimeError", "CompileError", "Ignored"].map(
        (status) => ({ status, mutant: mutant(status) })
      ),
      []
    )
    assert.strictEqual(judged.total, 3)
    assert.strictEqual(judged.killed, 2)
    assert.deepStrictEqual(judged.unknown, [mutant("NoCoverage")])
  })

  it("fails when nothing was tried", () => {
    assert.isFalse(judge([], []).passed)
  })
})

describe("a survivor", () => {
  const source = "const a = 1\nif (a < 2) {\n  go(\n    a\n  )\n}\n"
  const at = (from: readonly [number, number], to: readonly [number, number]) =>
    survivorOf(
      {
        fileName: "A.ts",
        replacement: "a  <=\n2",
        location: {
          start: { line: from[0], column: from[1] },
          end: { line: to[0], column: to[1] }
        }
      },
      source
    )

  it("is told by its line, and by what is replaced in it by what", () => {
    assert.deepStrictEqual(at([2, 5], [2, 10]), {
      file: "A.ts",
      line: "if (a < 2) {",
      original: "a < 2",
      replacement: "a <= 2"
    })
  })

  it("may go over several lines, which become one", () => {
    assert.strictEqual(at([2, 12], [6, 2]).original, "{ go( a ) }")
  })
})
