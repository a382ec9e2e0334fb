import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, describe, it } from "vitest"
import { WORK_FOLDER } from "./doc-examples.ts"

const root = Path.resolve(import.meta.dirname, "..")

const program = `
import * as Order from "@daybook/order/Order"
import { projection } from "@daybook/order/OrderSummary"
import * as ReadModel from "@daybook/projections/ReadModel"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as Effect from "effect/Effect"

export const execute = Effect.gen(function* () {
  const orders = yield* CommandHandler.for(Order.aggregate)
  return yield* orders.execute("42", { _tag: "ConfirmOrder" })
})
export const { decide, evolve } = Order.aggregate.decider
export const { decode, encode } = Order.aggregate.codec
export const row = ReadModel.get(projection, { orderId: "42" })
`

const tsconfig = {
  extends: "../../tsconfig.base.json",
  compilerOptions: { composite: false, declarationMap: false, types: ["node"], outDir: "out" },
  files: ["program.ts"]
}

/** Returns the types of the exports that the compiler infers, as an editor prints them. */
const inferred = (): ReadonlyArray<string> => {
  Fs.mkdirSync(Path.join(root, WORK_FOLDER), { recursive: true })
  const work = Fs.mkdtempSync(Path.join(root, WORK_FOLDER, "hover-"))
  try {
    const modules = Path.join(root, "packages/order-service/node_modules")
    Fs.symlinkSync(modules, Path.join(work, "node_modules"), "junction")
    Fs.writeFileSync(Path.join(work, "program.ts"), program)
    Fs.writeFileSync(Path.join(work, "tsconfig.json"), JSON.stringify(tsconfig))
    const tsc = Path.join(root, "node_modules/typescript/bin/tsc")
    execFileSync(process.execPath, [tsc, "-p", work, "--emitDeclarationOnly"])
    const declarations = Fs.globSync("out/**/program.d.ts", { cwd: work })
    return Fs.readFileSync(Path.join(work, declarations[0] ?? ""), "utf8")
      .split("\n")
      .filter((line) => line.startsWith("export declare const"))
      .map((line) => line.replace(/^export declare const /, "").replace(/import\("[^"]+"\)\./g, ""))
  } finally {
    Fs.rmSync(work, { recursive: true, force: true })
  }
}

describe("an editor", () => {
  it("prints the names of Order's types, and none of their cases", { timeout: 120_000 }, () => {
    assert.deepStrictEqual(inferred(), [
      "execute: Effect.Effect<Executed<OrderState, OrderEvent>, CommandError | OrderRejection, CommandHandler>;",
      "decide: (command: OrderCommand, state: OrderState) => Result<readonly OrderEvent[], OrderRejection>, evolve: (state: OrderState, event: OrderEvent) => OrderState;",
      "decode: (stored: EncodedEvent) => Result<readonly OrderEvent[], DecodeErrorReason>, encode: (event: OrderEvent) => Result<EncodedEvent, EventEncodeError>;",
      "row: Effect.Effect<Option<OrderSummary>, ReadModel.ReadError, ReadModelStore>;"
    ])
  })
})
