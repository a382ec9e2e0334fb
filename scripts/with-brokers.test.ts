import * as Path from "node:path"
import { assert, it } from "vitest"
import { missing } from "./with-brokers.ts"

it("names the commands that are in no folder of the path", () => {
  const path = [import.meta.dirname, Path.join(import.meta.dirname, "..")].join(Path.delimiter)
  assert.deepStrictEqual(missing(["with-brokers.ts", "package.json"], path), [])
  assert.deepStrictEqual(missing(["with-brokers.ts", "no-such-command"], path), ["no-such-command"])
  assert.deepStrictEqual(missing(["java"], ""), ["java"])
})
