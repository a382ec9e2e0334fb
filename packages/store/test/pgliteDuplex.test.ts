import { PGlite } from "@electric-sql/pglite"
import { assert, describe, it } from "@effect/vitest"
import type { Duplex } from "node:stream"
import { connect } from "../src/internal/postgres/embedded/duplex.ts"

const startup = (): Buffer => {
  const body = Buffer.from("\0\x03\0\0user\0postgres\0database\0postgres\0\0")
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length + 4)
  return Buffer.concat([length, body])
}

/** Returns the message `Query` of PostgreSQL's protocol. */
const query = (sql: string): Buffer => {
  const head = Buffer.from("Q\0\0\0\0")
  const body = Buffer.from(`${sql}\0`)
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

/**
 * Returns the first letters of the messages of an answer, up to the one that ends it, without
 * reports of settings (S).
 */
const answerTo = (connection: Duplex, message: Buffer): Promise<string> =>
  new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0)
    const hear = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
      let letters = ""
      let at = 0
      while (at + 5 <= bytes.length && at + 1 + bytes.readInt32BE(at + 1) <= bytes.length) {
        letters += String.fromCharCode(bytes[at] ?? 0)
        at += 1 + bytes.readInt32BE(at + 1)
      }
      if (!letters.endsWith("Z")) return
      connection.off("data", hear)
      resolve(letters.replaceAll("S", ""))
    }
    connection.on("data", hear)
    connection.once("error", reject)
    connection.write(message)
  })

describe("pgliteDuplex", () => {
  it("hands on all that the database says: rows, notices, notifications and errors", async () => {
    const database = await PGlite.create()
    const connection = connect(database)()
    try {
      // Authentication, and perhaps a key for cancellation.
      assert.match(await answerTo(connection, startup()), /^RK?Z$/)
      // A description, 20,000 rows, complete, ready.
      const many = await answerTo(connection, query("SELECT generate_series(1, 20000)"))
      assert.strictEqual(many.replace("D".repeat(20_000), "..."), "T...CZ")
      const notice = "DO $$ BEGIN RAISE NOTICE 'heard'; END $$"
      assert.strictEqual(await answerTo(connection, query(notice)), "NCZ")
      assert.strictEqual(await answerTo(connection, query("LISTEN c")), "CZ")
      assert.strictEqual(await answerTo(connection, query("NOTIFY c, 'heard'")), "CAZ")
      assert.strictEqual(await answerTo(connection, query("SELECT nonsense")), "EZ")
      assert.strictEqual(await answerTo(connection, query("SELECT 1")), "TDCZ")
    } finally {
      connection.destroy()
      await database.close()
    }
  }, 60_000)
})
