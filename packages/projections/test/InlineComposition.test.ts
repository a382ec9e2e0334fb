/**
 * The layers of a host with inline read models: a handler that is built beside them appends past
 * them, and a warning says so.
 */
import { Projections } from "@daybook/projections/Projections"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { aggregateOf, takings } from "./Till.ts"

const inline = [takings(aggregateOf("till"), "takings")]

const readModels = Projections.layer({ inline })

const stores = Layer.merge(EventStoreMemory.layer, ReadModelStoreMemory.layer)

/** Builds the layers of a host, and returns what it logs. */
const logged = (host: Layer.Layer<CommandHandler, unknown, Layer.Success<typeof stores>>) =>
  Effect.gen(function* () {
    const lines: Array<unknown> = []
    const logger = Logger.make(({ message }) => {
      lines.push(message)
    })
    yield* Layer.build(Layer.fresh(host).pipe(Layer.provide(stores))).pipe(
      Effect.scoped,
      Effect.provide(Logger.layer([logger]))
    )
    return lines.flat()
  })

const warning =
  "A command handler appends past the inline read models takings: build it on the event store in front"

it.live("logs nothing of a handler on top of its read models", () =>
  Effect.gen(function* () {
    const lines = yield* logged(CommandHandler.layer.pipe(Layer.provide(readModels)))
    assert.deepStrictEqual(lines, [])
  })
)

it.live("logs a warning of a handler beside its read models, whichever is built first", () =>
  Effect.gen(function* () {
    const beside = [
      Layer.merge(CommandHandler.layer, readModels),
      Layer.merge(readModels, CommandHandler.layer)
    ]
    for (const host of beside) assert.deepStrictEqual(yield* logged(host), [warning])
  })
)

it.live("logs nothing where no read model is inline", () =>
  Effect.gen(function* () {
    const async = Projections.layer({ async: inline })
    const lines = yield* logged(Layer.merge(CommandHandler.layer, async))
    assert.deepStrictEqual(lines, [])
  })
)
