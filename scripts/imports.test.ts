import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"

const root = Path.resolve(import.meta.dirname, "..")

/** Imports, each in a file of its own at the given place, with the verdict of the check. */
const cases: ReadonlyArray<readonly [verdict: "allows" | "refuses", file: string, code: string]> = [
  ["allows", "packages/kernel/src", 'import * as Schema from "effect/Schema"'],
  ["allows", "packages/kernel/src", 'import * as Revision from "./Revision.ts"'],
  ["allows", "packages/kernel/src/internal", 'import * as Revision from "../Revision.ts"'],
  ["refuses", "packages/kernel/src", 'import * as Layer from "effect/Layer"'],
  ["refuses", "packages/kernel/src", 'import type * as Effect from "effect/Effect"'],
  ["refuses", "packages/kernel/src", 'export * from "effect/Clock"'],
  ["refuses", "packages/kernel/src", 'export const load = () => import("effect/Random")'],
  ["refuses", "packages/kernel/src", 'export type Now = import("effect/Clock").Clock'],
  ["allows", "packages/kernel/src", 'import * as Compiler from "effect/schema/SchemaJITCompiler"'],
  ["refuses", "packages/kernel/src", 'import "effect/schema/SchemaJITCompiler/enable"'],
  ["refuses", "packages/kernel/src", 'import * as Model from "effect/schema/Model"'],
  ["refuses", "packages/kernel/src", 'import * as Fs from "node:fs"'],
  ["refuses", "packages/kernel/src", 'import * as Uuid from "uuid"'],
  ["refuses", "packages/kernel/src", 'import * as Order from "@daybook/order/Order"'],
  ["allows", "packages/order/src", 'import * as Decider from "@daybook/kernel/Decider"'],
  ["refuses", "packages/order/src", 'import { EventStore } from "@daybook/store/EventStore"'],
  ["refuses", "packages/order/src", 'import * as SqlClient from "effect/sql/SqlClient"'],
  ["allows", "packages/store/src", 'import * as Decider from "@daybook/kernel/Decider"'],
  ["allows", "packages/store/src", 'import * as PgClient from "@effect/sql-pg/PgClient"'],
  ["refuses", "packages/store/src", 'import * as Order from "@daybook/order/Order"'],
  ["refuses", "packages/store/src", 'import * as Suite from "@daybook/testing/LawSuite"'],
  ["refuses", "packages/store/src", 'import * as Runner from "@daybook/projections/Runner"'],
  ["refuses", "packages/store/src", 'import * as Fake from "../test/Fake.ts"'],
  ["allows", "packages/projections/src", 'import { EventStore } from "@daybook/store/EventStore"'],
  ["refuses", "packages/projections/src", 'import * as Laws from "@daybook/testing/Laws"'],
  ["allows", "packages/http/src", 'import { Projections } from "@daybook/projections/Projections"'],
  ["refuses", "packages/http/src", 'import * as Order from "@daybook/order/Order"'],
  ["allows", "packages/cli/src", 'import { Projections } from "@daybook/projections/Projections"'],
  ["refuses", "packages/cli/src", 'import * as Order from "@daybook/order/Order"'],
  ["refuses", "packages/cli/src", 'import * as Answer from "@daybook/inspector/Answer"'],
  ["refuses", "packages/store/src", 'import * as Host from "@daybook/http/Host"'],
  ["allows", "packages/testing/src", 'import * as Runner from "@daybook/projections/Runner"'],
  ["refuses", "packages/testing/src", 'import * as Order from "@daybook/order/Order"'],
  ["refuses", "packages/testing/src/laws", 'import { assert } from "@effect/vitest"'],
  ["allows", "packages/testing/src/internal/suite", 'import * as Laws from "../../Laws.ts"'],
  ["refuses", "packages/testing/src/internal/suite", 'import * as X from "../../../test/X.ts"'],
  ["refuses", "packages/testing/src", 'import * as Tidy from "../../../scripts/check-tidy.ts"'],
  ["allows", "packages/order-service/src", 'import * as Order from "@daybook/order/Order"'],
  ["refuses", "packages/order-service/src", 'import * as Json from "@daybook/store/internal/json"'],
  [
    "refuses",
    "packages/order-service/src",
    'import * as Json from "../../store/src/EventStore.ts"'
  ],
  ["allows", "packages/store/test", 'import * as Json from "../src/internal/json.ts"'],
  ["allows", "packages/store/test", 'import { it } from "@effect/vitest"'],
  ["refuses", "packages/store/test", 'import * as StreamId from "../../kernel/src/StreamId.ts"'],
  ["refuses", "packages/store/test", 'import { Effect } from "effect"'],
  ["refuses", "packages/store/test", 'import { SqlClient } from "effect/sql"'],
  ["refuses", "packages/store/test", 'import { PgClient } from "@effect/sql-pg"']
]

describe("check:imports", () => {
  let folder = ""
  const refused = new Set<string>()

  beforeAll(() => {
    folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "daybook-imports-"))
    const config = ".oxlint-imports.ts"
    Fs.copyFileSync(Path.join(root, config), Path.join(folder, config))
    for (const [index, [, file, code]] of cases.entries()) {
      Fs.mkdirSync(Path.join(folder, file), { recursive: true })
      Fs.writeFileSync(Path.join(folder, file, `case-${index}.ts`), code)
    }
    for (const [name, other] of [
      ["cycle-a", "cycle-b"],
      ["cycle-b", "cycle-a"]
    ]) {
      Fs.writeFileSync(
        Path.join(folder, `packages/store/src/${name}.ts`),
        `import { a } from "./${other}.ts"\nexport const b = a`
      )
    }
    for (const [name, other] of [
      ["types-a", "types-b"],
      ["types-b", "types-a"]
    ]) {
      Fs.writeFileSync(
        Path.join(folder, `packages/store/src/${name}.ts`),
        `import type { T } from "./${other}.ts"\nexport type U = T`
      )
    }
    const oxlint = Path.join(root, "node_modules/oxlint/bin/oxlint")
    const run = spawnSync(process.execPath, [oxlint, "--config", config, "--format", "unix"], {
      cwd: folder,
      encoding: "utf8"
    })
    for (const line of run.stdout.split("\n")) {
      const name = /(case-\d+|cycle-[ab]|types-[ab])\.ts:/.exec(line)?.[1]
      if (name !== undefined) refused.add(name)
    }
  })
  afterAll(() => Fs.rmSync(folder, { recursive: true }))

  it("refuses a circle of imports, unless it is of types only", () => {
    assert.includeMembers([...refused], ["cycle-a", "cycle-b"])
    assert.notIncludeMembers([...refused], ["types-a"])
    assert.notIncludeMembers([...refused], ["types-b"])
  })

  for (const [index, [verdict, file, code]] of cases.entries()) {
    it(`${verdict} ${code} in ${file}`, () => {
      assert.strictEqual(refused.has(`case-${index}`), verdict === "refuses")
    })
  }
})
