import * as PgTypes from "@daybook/store/sql/PgTypes"
import * as Client from "@effect/sql-pg/PgTypes"
import { assert, it } from "@effect/vitest"
import * as Result from "effect/Result"

const uuid = "018f4a6e-8f6e-7c3a-9d52-6f0f3c1b2a10"

it("makes the parameters that the client makes", () => {
  assert.deepStrictEqual(
    [
      PgTypes.bool(true),
      PgTypes.int2(1),
      PgTypes.int4(2),
      PgTypes.int8(3n),
      PgTypes.float8(4.5),
      PgTypes.text(null),
      PgTypes.json({ a: 1 }),
      PgTypes.uuid(uuid),
      PgTypes.timestamptz(0)
    ],
    [
      Client.bool(true),
      Client.int2(1),
      Client.int4(2),
      Client.int8(3n),
      Client.float8(4.5),
      Client.text(null),
      Client.json({ a: 1 }),
      Client.uuid(uuid),
      Client.timestamptz(0)
    ]
  )
  assert.isTrue(Client.isParameter(PgTypes.text("a")))
})

it("makes an array of each type that the client makes", () => {
  for (const [name, oid] of Object.entries(PgTypes.OID)) {
    assert.deepStrictEqual(
      Result.getOrThrow(PgTypes.array([null], oid)),
      Result.getOrThrow(Client.array([null], oid)),
      name
    )
  }
})

it("refuses an array of a type that it does not know", () => {
  const refused = Result.getOrThrow(Result.flip(PgTypes.array([], 1)))
  assert.strictEqual(refused.message, "No array type is known for elements of the type 1")
})
