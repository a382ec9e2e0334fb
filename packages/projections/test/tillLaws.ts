/**
 * The law of read models on tills, against rows that are counted from the accepted commands alone.
 */
import type * as Projection from "@daybook/kernel/Projection"
import * as ProjectionLaws from "@daybook/testing/laws/ProjectionLaws"
import type * as Duration from "effect/Duration"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Schema from "effect/Schema"
import { aggregateOf, products, takings, type TillAggregate, type TillCommand } from "./Till.ts"

const item = {
  product: Schema.Literals(["tea", "mug", "tray"]),
  cents: Schema.Literals([0, 1, 250, 1_000])
}

/** Commands that touch the same rows: three products, and sometimes the end of a till. */
const Command = Schema.Union([
  Schema.TaggedStruct("Sell", item),
  Schema.TaggedStruct("Sell", item),
  Schema.TaggedStruct("Sell", item),
  Schema.TaggedStruct("Refund", item),
  Schema.TaggedStruct("Close", {})
])

export type Moves = ReadonlyArray<ProjectionLaws.Move<typeof Command.Type>>

/** Computes the rows of both read models by loops over the accepted commands. */
const model =
  (names: { readonly products: string }) =>
  (
    accepted: ReadonlyArray<ProjectionLaws.Accepted<typeof TillCommand.Type>>
  ): ReadonlyMap<string, ReadonlyArray<unknown>> => {
    const sums = new Map<string, { cents: bigint; log: Array<{ till: string; cents: number }> }>()
    for (const { command, id } of accepted) {
      if (command._tag === "Close") continue
      const sum = sums.get(command.product) ?? { cents: 0n, log: [] }
      const cents = command._tag === "Sell" ? command.cents : 0 - command.cents
      sum.cents += BigInt(cents)
      sum.log.push({ till: id, cents })
      if (sum.log.length > 20) sum.log.shift()
      sums.set(command.product, sum)
    }
    const rows = Array.from(sums, ([product, sum]) => ({ product, ...sum }))
    return new Map([[names.products, rows]])
  }

/** Builds tills of their own category, and their read models under names of their own. */
const domainOf = (options: {
  readonly lease: Duration.Input
  readonly twin?: (till: TillAggregate, name: string) => Projection.Any
}) => {
  const id = SecureRandom.uuidV4Unsafe().slice(0, 8)
  const till = aggregateOf(`till_${id}`)
  const names = { takings: `takings_${id}`, products: `products_${id}` }
  const { lease, twin = products } = options
  return {
    aggregate: till,
    projections: [takings(till, names.takings), twin(till, names.products)],
    lease,
    model: model(names)
  }
}

/** Checks the law on tills for given moves. */
export const kept = (moves: Moves, options: Parameters<typeof domainOf>[0]) =>
  ProjectionLaws.kept(domainOf(options), moves)

/** The law on tills for generated moves. */
export const laws = (lease: Duration.Input) =>
  ProjectionLaws.laws({ commands: Command, domain: () => domainOf({ lease }) })
