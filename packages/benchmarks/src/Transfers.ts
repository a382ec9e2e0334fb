/**
 * The cost of two commands together: an item moves between two of many orders, beside a single
 * command on one of them.
 */
import { aggregate } from "@daybook/order/Order"
import * as CommandCall from "@daybook/store/CommandCall"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Contender, Opens } from "./Appender.ts"
import * as Orders from "./Orders.ts"
import * as Subject from "./Subject.ts"

/** A contender that changes orders. */
export interface Transfer extends Contender {
  readonly begin: (prefix: string) => Effect.Effect<(n: number) => Effect.Effect<unknown>>
}

const ORDERS = 200

/** Opens a single command and a transfer on each store, with a handler of its own. */
export const opens = (
  stores: ReadonlyArray<readonly [name: string, stores: Subject.Stores]>
): Opens<Transfer> =>
  stores.flatMap(([name, open]) => {
    const contender = (
      own: string,
      act: (handler: CommandHandler["Service"], prefix: string, n: number) => Effect.Effect<unknown>
    ) =>
      Effect.gen(function* () {
        const opened = yield* open
        const handling = yield* Effect.provide(
          Layer.build(Layer.fresh(CommandHandler.layer)),
          opened
        )
        const { append } = yield* Subject.open(own, opened)
        return {
          name: own,
          begin: (prefix: string) =>
            Effect.as(
              Effect.forEach(
                Array.from({ length: ORDERS }, (_, n) => `${own}-${prefix}-${n}`),
                (id) => append(id, Orders.history(1)),
                { concurrency: 64, discard: true }
              ),
              (n: number) => act(Context.get(handling, CommandHandler), `${own}-${prefix}-`, n)
            )
        }
      })
    const transfer = `${name}, two together`
    return [
      [
        name,
        contender(name, (handler, prefix, n) =>
          Effect.orDie(handler.execute(aggregate, `${prefix}${n % ORDERS}`, Orders.command(n)))
        )
      ],
      [
        transfer,
        Effect.map(
          contender(transfer, (handler, prefix, n) => {
            const call = (index: number) =>
              CommandCall.make(aggregate, `${prefix}${index % ORDERS}`, Orders.command(n))
            return Effect.orDie(handler.executeTogether([call(n), call(n * 7 + 3)]))
          }),
          (one) => ({ ...one, yardstick: name })
        )
      ]
    ] as const
  })
