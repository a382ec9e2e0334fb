/**
 * The flags that the commands of the benchmarks share: rounds, seconds, and a choice of their rows.
 */
import * as Flag from "effect/cli/Flag"
import * as Schema from "effect/Schema"

/** The number of rounds: 1 to 100, 3 when absent. */
export const rounds = (
  description = "How many rounds, of which the medians are taken"
): Flag.Flag<number> =>
  Flag.Int("rounds").pipe(
    Flag.withDescription(description),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 }))),
    Flag.withDefault(3)
  )

/** The seconds that `description` is about, up to 600. */
export const seconds = (
  description: string,
  { absent = 1, minimum = 0.05 }: { readonly absent?: number; readonly minimum?: number } = {}
): Flag.Flag<number> =>
  Flag.Finite("seconds").pipe(
    Flag.withDescription(description),
    Flag.withSchema(Schema.Finite.check(Schema.isBetween({ minimum, maximum: 600 }))),
    Flag.withDefault(absent)
  )

/** A part of the names of the rows, workloads or measures to run; all when absent. */
export const only = (
  one: "measure" | "row" | "workload",
  isPart: (text: string) => boolean
): Flag.Flag<string> =>
  Flag.String("only").pipe(
    Flag.withDescription(`Only the ${one}s whose name contains this text, such as load`),
    Flag.withSchema(
      Schema.String.check(Schema.makeFilter(isPart, { expected: `a part of the name of a ${one}` }))
    ),
    Flag.withDefault("")
  )
