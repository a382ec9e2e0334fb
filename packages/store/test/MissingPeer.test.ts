import * as MissingPeer from "@daybook/store/MissingPeer"
import * as StartFailure from "@daybook/store/StartFailure"
import { assert, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { createRequire } from "node:module"

const notFound = (text: string) => Object.assign(new Error(text), { code: "ERR_MODULE_NOT_FOUND" })

const load = (imported: () => Promise<string>) =>
  MissingPeer.load("@daybook/store/Postgres", ["@effect/sql-pg", "no-such-package"], imported)

it.effect("returns the module", () =>
  Effect.gen(function* () {
    assert.strictEqual(yield* load(() => Promise.resolve("it")), "it")
  })
)

it.effect("names the module, the peer, and the command that installs it in one line", () =>
  Effect.gen(function* () {
    const missing = yield* Effect.flip(
      load(() =>
        Promise.reject(notFound("Cannot find package '@effect/sql-pg' imported from /a.js"))
      )
    )
    assert.deepStrictEqual(
      [missing.module, missing.peer],
      ["@daybook/store/Postgres", "@effect/sql-pg"]
    )
    assert.strictEqual(
      StartFailure.lineOf(missing),
      "@daybook/store/Postgres needs the package @effect/sql-pg, which is not installed: npm install @effect/sql-pg"
    )
  })
)

it.effect("names a peer that `require` does not find", () =>
  Effect.gen(function* () {
    const missing = yield* Effect.flip(
      load(async () => createRequire(import.meta.url).resolve("no-such-package"))
    )
    assert.strictEqual(missing.peer, "no-such-package")
  })
)

it.effect("dies of any other failure of an import: the package is there, and broken", () =>
  Effect.gen(function* () {
    const others = [
      new Error("Cannot find package '@effect/sql-pg'"),
      notFound("Cannot find package '@effect/sql-pgx' imported from /a.js"),
      notFound("Cannot find module '/a.js' imported from /b.js")
    ]
    for (const cause of others) {
      const exit = yield* Effect.exit(load(() => Promise.reject(cause)))
      assert.isTrue(Exit.isFailure(exit) && Cause.squash(exit.cause) === cause, cause.message)
    }
  })
)
