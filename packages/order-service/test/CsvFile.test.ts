import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as CsvFile from "../src/CsvFile.ts"
import { folder, header, row, write } from "./files.ts"

const read = (path: string) => Stream.runCollect(CsvFile.records(path))

const linesOf = Effect.fnUntraced(function* (content: string | Uint8Array) {
  const all = yield* read(yield* write(content))
  return all.map(({ line }) => line)
})

const problemOf = Effect.fnUntraced(function* (content: string | Uint8Array) {
  return yield* Effect.flip(read(yield* write(content))).pipe(
    Effect.map(({ path, message }) => message.replace(`${path}: `, ""))
  )
})

const bytes = (...parts: ReadonlyArray<string | ReadonlyArray<number>>) =>
  Buffer.concat(
    parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from(part)))
  )

it.layer(NodeServices.layer)("CsvFile", (it) => {
  for (const [name, end] of [
    ["LF", "\n"],
    ["CRLF", "\r\n"]
  ] as const) {
    it.effect(`numbers records by the line they start on, with ${name}`, () =>
      Effect.gen(function* () {
        const quoted = row({ product: `"A${end}B${end}${end}C"` })
        const content = [header, row({}), "", quoted, "   ", row({}), ""].join(end)
        assert.deepStrictEqual(yield* linesOf(content), [2, 4, 9])
      })
    )
  }

  it.effect("reads a file with a byte order mark", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* linesOf(`\ufeff${header}\n${row({})}`), [2])
    })
  )

  it.effect("reads characters that are split between chunks of the file", () =>
    Effect.gen(function* () {
      // 64 KiB is what a chunk holds; three bytes a character never fit evenly.
      const names = "€".repeat(30_000)
      const [only] = yield* read(yield* write(`${header}\n${row({ product: names })}`))
      assert.strictEqual(only?.cells[1], names)
    })
  )

  it.effect("reads a file with a header alone", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* linesOf(`${header}\n`), [])
    })
  )

  it.effect("S16: reads the longest cell", () =>
    Effect.gen(function* () {
      const longest = "x".repeat(32_767)
      const [only] = yield* read(yield* write(`${header}\n${row({ product: longest })}`))
      assert.strictEqual(only?.cells[1], longest)
    })
  )

  describe("refuses, and says where,", () => {
    const cases: ReadonlyArray<readonly [string, string | Uint8Array, string]> = [
      [
        "S16: a cell that is too long",
        `${header}\n${row({})}\n${row({ product: " ".repeat(32_768) })}\n`,
        "line 3: column 2 (StockCode) has 32768 characters, allowed are 32767"
      ],
      ["an empty file", "", `the file is empty, expected the header ${header}`],
      ["another header", "a,b\n1,2\n", `line 1: the header is a,b, expected ${header}`],
      [
        "the pound sign of Latin-1",
        bytes(`${header}\n${row({})}\n1,`, [0xa3], "5\n"),
        "line 3: not UTF-8 text (byte 0xA3)"
      ],
      [
        "a broken character far into the file",
        bytes(`${header}\n`, `${row({})}\n`.repeat(5_000), "é", [0xe2, 0x82, 0x20], row({})),
        "line 5002: not UTF-8 text (byte 0xE2)"
      ],
      [
        "an e with an acute accent in Latin-1, before a comma",
        bytes(`${header}\n${row({})}\nCaf`, [0xe9], ",1\n"),
        "line 3: not UTF-8 text (byte 0xE9)"
      ],
      [
        "the same at the end of a line, and before an accented letter that is right",
        bytes(`${header}\nCaf`, [0xe9], "\n", "é", [0xe9], "é"),
        "line 2: not UTF-8 text (byte 0xE9)"
      ],
      [
        "a continuation byte that continues nothing",
        bytes(`${header}\né`, [0xa9], ","),
        "line 2: not UTF-8 text (byte 0xA9)"
      ],
      [
        "half a surrogate pair",
        bytes(`${header}\n€`, [0xed, 0xa0, 0x80], ","),
        "line 2: not UTF-8 text (byte 0xED)"
      ],
      [
        "a character cut off by the end",
        bytes(`${header}\n${row({})}`, [0xe2, 0x82]),
        "line 2: not UTF-8 text (the file ends inside a character)"
      ],
      [
        "a picture",
        bytes([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a]),
        "line 1: not UTF-8 text (byte 0x89)"
      ],
      [
        "a quote that never ends",
        `${header}\n${row({})}\n1,"A,1\n`,
        "line 3: not CSV: Unterminated quoted field"
      ]
    ]
    for (const [name, content, message] of cases) {
      it.effect(name, () =>
        Effect.gen(function* () {
          assert.strictEqual(yield* problemOf(content), message)
        })
      )
    }

    it.effect("a character that is broken where the file is cut into pieces to read", () =>
      Effect.gen(function* () {
        for (const before of [1, 2, 3]) {
          // A piece is 64 KiB. The character lacks its last byte.
          const filling = "x".repeat(65_536 - header.length - 1 - before)
          const content = bytes(`${header}\n${filling}`, [0xf0, 0x9f, 0x98], "\n")
          assert.strictEqual(yield* problemOf(content), "line 2: not UTF-8 text (byte 0xF0)")
        }
      })
    )

    it.effect("a file that is not there, and a folder", () =>
      Effect.gen(function* () {
        const path = yield* folder
        const missing = yield* Effect.flip(read(`${path}/none.csv`))
        assert.strictEqual(missing.message, `${path}/none.csv: no such file`)
        const directory = yield* Effect.flip(read(path))
        assert.strictEqual(directory.message, `${path}: not a file but a directory`)
      })
    )
  })
})
