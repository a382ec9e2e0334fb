import { RoleName } from "@daybook/store/PostgresRoles"
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"

const isRoleName = Schema.is(RoleName)

describe("RoleName", () => {
  it("takes what PostgreSQL takes, and nothing that means more than one role", () => {
    const taken = ["daybook_writer", "_a1", "user", "a".repeat(63), "A", "1a", "a-b", "Shop_Writer"]
    const odd = [
      'a"b',
      'a" SUPERUSER; --',
      "a;b",
      "a.b",
      "a\n",
      "PG_monitor",
      "Public",
      "ü".repeat(31)
    ]
    for (const name of [...taken, ...odd]) assert.isTrue(isRoleName(name), name)
    const refused = ["", "pg_monitor", "pg_", "public", "none", "a".repeat(64), "ü".repeat(32)]
    for (const name of [...refused, "a\0b", "a\ud800"]) assert.isFalse(isRoleName(name), name)
  })
})
