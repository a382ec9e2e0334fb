/**
 * The process of the yardstick: a handler on `node:http`, written by hand, that calls the same
 * command handler and reads the same rows as the served shop does.
 *
 * It decodes what it receives and encodes what it returns by the same schemas, and has none of the
 * rest: no conditions, traces, problems, limits or log.
 */
import "effect/schema/SchemaJITCompiler/enable"
import { CommandId } from "@daybook/kernel/CommandId"
import * as ReadModels from "@daybook/order-service/ReadModels"
import * as Stores from "@daybook/order-service/Stores"
import { aggregate } from "@daybook/order/Order"
import { OrderCommand } from "@daybook/order/OrderCommand"
import * as OrderSummary from "@daybook/order/OrderSummary"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModel from "@daybook/projections/ReadModel"
import { CachedStreams, CommandHandler } from "@daybook/store/CommandHandler"
import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"

const runtime = ManagedRuntime.make(
  CommandHandler.layerSnapshots(SnapshotPolicy.every(100)).pipe(
    Layer.provide(Layer.succeed(CachedStreams, 10_000)),
    Layer.provideMerge(Projections.layer({ async: ReadModels.all })),
    Layer.provideMerge(Stores.layer({ _tag: "postgres" }))
  )
)

const json = <S extends Schema.Top>(schema: S) => Schema.fromJsonString(Schema.toCodecJson(schema))
const decodeCommand = Schema.decodeUnknownEffect(json(OrderCommand))
const decodeKey = Schema.decodeUnknownEffect(CommandId)
const encodeState = Schema.encodeEffect(
  json(Schema.Struct({ revision: Schema.Int, state: aggregate.state }))
)
const encodeRows = Schema.encodeEffect(
  json(Schema.Struct({ rows: Schema.Array(OrderSummary.projection.row) }))
)

const execute = Effect.fnUntraced(function* (id: string, key: string, body: string) {
  const orders = yield* CommandHandler.for(aggregate)
  const commandId = yield* decodeKey(key)
  const command = yield* decodeCommand(body)
  const { position, revision } = yield* orders.execute(id, command, { commandId })
  return JSON.stringify({ revision, position: String(position) })
})

const load = Effect.fnUntraced(function* (id: string) {
  const orders = yield* CommandHandler.for(aggregate)
  const { revision, state } = yield* orders.load(id)
  return yield* encodeState({ revision, state })
})

const drafts = Effect.gen(function* () {
  const rows = yield* Stream.runCollect(
    ReadModel.query(OrderSummary.projection, { where: { status: { equal: "draft" } }, limit: 20 })
  )
  return yield* encodeRows({ rows })
})

const text = async (request: IncomingMessage) => {
  let body = ""
  for await (const chunk of request.setEncoding("utf8")) body += String(chunk)
  return body
}

const answer = async (request: IncomingMessage): Promise<string> => {
  const [, first = "", id = ""] = (request.url ?? "").split(/[/?]/)
  if (first === "order-summaries") return runtime.runPromise(drafts)
  if (request.method === "GET") return runtime.runPromise(load(id))
  const key = String(request.headers["idempotency-key"])
  return runtime.runPromise(execute(id, key, await text(request)))
}

const server = createServer((request, response) => {
  answer(request).then(
    (body) => response.setHeader("content-type", "application/json").end(body),
    (error: unknown) => response.writeHead(500).end(String(error))
  )
})

await runtime.runPromise(Effect.void)
server.listen(0, "127.0.0.1", () => {
  // An HTTP server listens on a port.
  process.stdout.write(
    `The yardstick serves on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`
  )
})
