/**
 * The command `bench:guard`: the present checkout beside a commit, in turns, on one server. It
 * fails if a row of the present is slower by more than allowed.
 */
import * as Flags from "@daybook/benchmarks/Flags"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as Environment from "../Environment.ts"
import * as Base from "./Base.ts"
import * as Comparison from "./Comparison.ts"
import * as Rounds from "./Rounds.ts"
import * as Row from "./Row.ts"
import type * as Side from "./Side.ts"

/** The run failed, and its output says why. */
class Failed extends Data.TaggedError("Failed") {
  override readonly [Runtime.errorReported] = false
}

const told = (error: Base.BaseUnavailable | Side.NotOffered) =>
  Effect.andThen(Console.error(error.message), Effect.fail(new Failed()))

const named = (text: string) => Row.all.filter((row) => Row.title(row).includes(text))

export const command = Command.make(
  "bench:guard",
  {
    base: Argument.String("base").pipe(
      Argument.withDescription("The commit to compare with, such as main or HEAD~3"),
      Argument.withSchema(
        Schema.String.check(Schema.isPattern(/^[^-]/, { expected: "the name of a commit" }))
      )
    ),
    allowed: Flag.Finite("allowed").pipe(
      Flag.withDescription("The least median of present by base that a row may have"),
      Flag.withSchema(Schema.Finite.check(Schema.isBetween({ minimum: 0.1, maximum: 1 }))),
      Flag.withDefault(0.9)
    ),
    rounds: Flags.rounds("How many rounds, each with two turns of new processes"),
    seconds: Flags.seconds("How long a turn takes"),
    only: Flags.only("row", (text) => named(text).length > 0),
    server: Flag.String("server").pipe(
      Flag.withDescription(
        "A folder of PostgreSQL's binaries to run it on, such as /usr/lib/postgresql/17/bin, instead of those of npm"
      ),
      Flag.withDefault("")
    ),
    out: Flag.String("out").pipe(
      Flag.withDescription("File for the results as JSON"),
      Flag.withDefault("bench-guard.json")
    )
  },
  Effect.fnUntraced(
    function* ({ allowed, base, only, out, rounds, seconds }) {
      const files = yield* FileSystem.FileSystem
      yield* Console.error(`Checking out ${base}`)
      const { commit, root } = yield* Base.checkOut(base)
      const sides = {
        present: { name: "present", root: Base.PRESENT },
        base: { name: "base", root }
      } as const
      const rows: Array<Comparison.Compared | Comparison.Uncompared> = []
      for (const row of named(only)) {
        yield* Console.error(Row.title(row))
        const outcome = yield* Rounds.run(row, sides, { rounds, seconds })
        if ("notOffered" in outcome) yield* Console.error(outcome.notOffered)
        rows.push(Comparison.compare(outcome))
      }
      const verdict = Comparison.judge(rows, allowed)
      yield* Console.log(`${Comparison.table(rows)}\n\n${verdict.text}`)
      const json = {
        at: DateTime.formatIso(yield* DateTime.now),
        present: yield* Environment.commit,
        base: commit,
        machine: yield* Environment.machine,
        allowed,
        rounds,
        seconds,
        passed: verdict.passed,
        rows
      }
      yield* files.writeFileString(out, `${JSON.stringify(json, null, 2)}\n`)
      yield* Console.error(`Written to ${out}`)
      if (!verdict.passed) return yield* new Failed()
    },
    Effect.scoped,
    Effect.catchTags({ BaseUnavailable: told, NotOffered: told }),
    (run, { server }) =>
      Effect.provide(run, PostgresServer.PostgresServer.layerOf(server === "" ? undefined : server))
  )
).pipe(
  Command.withDescription(
    "Measures the present checkout beside a commit, in turns, and fails if it is slower than allowed."
  )
)
