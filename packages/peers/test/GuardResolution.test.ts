import { assert, it } from "@effect/vitest"
import { importer } from "../src/guard/resolution.ts"

const driver = "file:///work/packages/"
const side = "file:///tmp/base/packages/"
const ofDriver = `${driver}peers/src/Daybook.ts`
const ofSide = `${side}store/src/EventStore.ts`

const cases: ReadonlyArray<
  readonly [name: string, specifier: string, parent: string | undefined, found: string | undefined]
> = [
  [
    "finds the measured packages in the side's checkout",
    "@daybook/store/EventStore",
    ofDriver,
    `${side}benchmarks/package.json`
  ],
  ["finds effect beside them", "effect/Effect", ofDriver, `${side}benchmarks/package.json`],
  ["keeps the driver's own package", "@daybook/benchmarks/Orders", ofDriver, ofDriver],
  ["keeps the driver's own modules", "./Drive.ts", ofDriver, ofDriver],
  ["keeps modules of Node", "node:crypto", ofDriver, ofDriver],
  ["leaves the imports of the side alone", "@daybook/kernel/EventId", ofSide, ofSide],
  [
    "leaves the imports of the present's packages alone, when the present is the side",
    "uuid",
    `${driver}kernel/src/EventId.ts`,
    `${driver}kernel/src/EventId.ts`
  ],
  [
    "leaves the imports of dependencies alone",
    "pg-types",
    `${driver}peers/node_modules/pg/lib/index.js`,
    `${driver}peers/node_modules/pg/lib/index.js`
  ],
  [
    "leaves the entry alone",
    "file:///work/packages/peers/src/guard/sideProcess.ts",
    undefined,
    undefined
  ]
]

for (const [name, specifier, parent, found] of cases) {
  it(`the driver ${name}`, () => {
    assert.strictEqual(importer(specifier, parent, driver, side), found)
  })
}
