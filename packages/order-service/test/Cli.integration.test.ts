import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as process from "node:process"
import { demo, type Ended, importAndTell } from "./child.ts"
import { dirty, folder, header, row, write } from "./files.ts"

const TIMEOUT_MILLIS = 240_000

/** The form of every failure: one line on standard error, and a status that is not 0. */
const assertFails = ({ status, stderr }: Ended, line: string | RegExp) => {
  const [only, ...rest] = stderr.split("\n")
  if (typeof line === "string") assert.strictEqual(only, `demo: ${line}`)
  else assert.match(only ?? "", line)
  assert.deepStrictEqual(rest, [""])
  assert.strictEqual(status, 1)
}

/** The report without its first line, the store, its last, what this very run did, and how a store is asked. */
const report = ({ stdout }: Ended) =>
  stdout
    .trimEnd()
    .split("\n")
    .slice(1, -1)
    .filter((line) => !line.startsWith("The read models, "))

const lastLine = ({ stdout }: Ended) => stdout.trimEnd().split("\n").at(-1)

it.layer(NodeServices.layer)("demo", (it) => {
  it.effect(
    "prints the day in plain text when it is piped",
    () =>
      Effect.gen(function* () {
        const { status, stderr, stdout } = yield* demo(["--store", "memory"])
        assert.strictEqual(status, 0)
        assert.strictEqual(stderr, "")
        assert.notInclude(stdout, "\u001b")
        assert.include(stdout, "A day in a shop")
        assert.include(stdout, "at 15:00?")
        assert.match(
          stdout,
          /confirmed three weeks ago and never paid\?\n {2}cancelled, 1 item, GBP 12\.95, at revision 4\n/
        )
      }),
    TIMEOUT_MILLIS
  )

  it.effect(
    "imports a file without a progress bar when it is piped",
    () =>
      Effect.gen(function* () {
        const ended = yield* demo([dirty, "--store", "memory"])
        assert.strictEqual(ended.status, 0)
        assert.include(ended.stdout, "30 rows read, 12 accepted, 18 refused")
        assert.notInclude(ended.stdout, "%")
        assert.notInclude(ended.stdout, "\u001b")
      }),
    TIMEOUT_MILLIS
  )

  it.effect(
    "imports to the end when its output is not read",
    () =>
      Effect.gen(function* () {
        const dataDir = yield* folder
        const unread = yield* demo([dirty, "--data", dataDir], { hangUp: true })
        assert.deepStrictEqual([unread.status, unread.stderr], [0, ""])
        const again = yield* demo([dirty, "--data", dataDir])
        assert.match(lastLine(again) ?? "", /^Nothing changed/)
      }),
    TIMEOUT_MILLIS
  )

  describe("ends with one line and status 1 on", () => {
    for (const [name, args, line] of [
      ["a missing file", ["/none.csv"], "/none.csv: no such file"],
      ["a directory", ["/"], "/: not a file but a directory"],
      ["an unknown flag", ["--bogus"], "Unrecognized flag: --bogus in command demo (see --help)"],
      [
        "a folder for a store that has none",
        ["--store", "memory", "--data", "x"],
        "--data is the folder of --store embedded, and the store is memory"
      ],
      [
        "a file beside --legacy",
        [dirty, "--legacy"],
        `--legacy imports a table of its own, and ${dirty} is given too`
      ],
      [
        "a server that is not configured",
        [dirty, "--store", "postgres"],
        "cannot open the store: DATABASE_URL is not set"
      ],
      [
        "a file in the place of the folder",
        [dirty, "--data", dirty],
        `cannot open the store: Cannot open the embedded database in ${dirty}: EEXIST: file already exists, mkdir '${dirty}': ` +
          "give a folder that this user may write and that holds nothing else"
      ],
      [
        "a folder below a file",
        [dirty, "--data", `${dirty}/a/b`],
        `cannot open the store: Cannot open the embedded database in ${dirty}/a/b: ENOTDIR: not a directory, mkdir '${dirty}/a/b': ` +
          "give a folder that this user may write and that holds nothing else"
      ],
      [
        "a folder where none can be made",
        [dirty, "--data", "/proc/x"],
        "cannot open the store: Cannot open the embedded database in /proc/x: ENOENT: no such file or directory, mkdir '/proc/x': create it, or correct the path"
      ]
    ] as const) {
      it.effect(
        name,
        () => Effect.map(demo(args), (ended) => assertFails(ended, line)),
        TIMEOUT_MILLIS
      )
    }

    it.effect(
      "a server that refuses the connection, without its password",
      () =>
        Effect.gen(function* () {
          const env = { DATABASE_URL: "postgres://shop:hunter2@127.0.0.1:1/shop" }
          const ended = yield* demo([dirty, "--store", "postgres"], { env })
          assertFails(
            ended,
            "cannot open the store: Cannot connect to shop at 127.0.0.1:1 as shop: connect ECONNREFUSED 127.0.0.1:1: " +
              "start the server, or correct host and port in the URL"
          )
        }),
      TIMEOUT_MILLIS
    )

    it.effect(
      "a wrong header and a broken encoding",
      () =>
        Effect.gen(function* () {
          const wrong = yield* write("a,b\n")
          assertFails(
            yield* demo([wrong]),
            `${wrong}: line 1: the header is a,b, expected ${header}`
          )
          const broken = yield* write(
            Buffer.concat([Buffer.from(`${header}\n1,`), Buffer.of(0xa3)])
          )
          assertFails(yield* demo([broken]), `${broken}: line 2: not UTF-8 text (byte 0xA3)`)
        }),
      TIMEOUT_MILLIS
    )

    it.effect(
      "a folder and a file without permission",
      () =>
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem
          const closed = yield* folder
          const file = yield* write(`${header}\n${row({})}`)
          yield* fs.chmod(file, 0o000)
          yield* fs.chmod(closed, 0o000)
          // Root ignores permissions, so root runs it as another user.
          const options = process.getuid?.() === 0 ? { uid: 65_534 } : {}
          assertFails(yield* demo([file], options), `${file}: permission denied`)
          assertFails(
            yield* demo([dirty, "--data", `${closed}/log`], options),
            /^demo: cannot open the store: Cannot open the embedded database in .*: EACCES: permission denied/
          )
        }),
      TIMEOUT_MILLIS
    )
  })

  for (const [signal, expected] of [
    ["SIGINT", 130],
    ["SIGTERM", 143]
  ] as const) {
    it.effect(
      `says on ${signal} that it was interrupted, and that it can go on`,
      () =>
        Effect.gen(function* () {
          const dataDir = yield* folder
          const { status, stderr } = yield* demo([dirty, "--data", dataDir], {
            kill: { when: (stdout) => stdout.includes("30 rows"), signal }
          })
          assert.strictEqual(
            stderr,
            "demo: interrupted; what was recorded stays, and running it again goes on from there\n"
          )
          assert.strictEqual(status, expected)
        }),
      TIMEOUT_MILLIS
    )
  }

  it.effect(
    "ends with the same figures after imports into the same folder were killed",
    () =>
      Effect.gen(function* () {
        const rows = Array.from({ length: 1_200 }, (_, index) =>
          row({ invoice: String(Math.floor(index / 20)), product: `P${index % 7}` })
        )
        const file = yield* write([header, ...rows].join("\n"))
        const dataDir = yield* folder
        const undisturbed = yield* demo([file, "--store", "memory"])
        assert.strictEqual(lastLine(undisturbed), "Recorded 1,320 events.")
        for (const least of [20, 600]) {
          const killed = yield* importAndTell([file, dataDir], {
            kill: { when: (stdout) => stdout.includes(`${least} rows`), signal: "SIGKILL" }
          })
          assert.strictEqual(killed.status, null)
        }
        const completed = yield* demo([file, "--data", dataDir])
        assert.deepStrictEqual(report(completed), report(undisturbed))
        assert.match(
          lastLine(completed) ?? "",
          /^Recorded [0-9]+ events; [0-9]+ were in the log already\.$/
        )
        const again = yield* demo([file, "--data", dataDir])
        assert.deepStrictEqual(report(again), report(undisturbed))
        assert.strictEqual(
          lastLine(again),
          "Nothing changed: all 1,320 events of this file were in the log already."
        )
      }),
    TIMEOUT_MILLIS
  )

  it.effect(
    "imports the first system's table, and reports where its rules were wrong",
    () =>
      Effect.gen(function* () {
        const ended = yield* demo(["--legacy", "--store", "memory"])
        assert.deepStrictEqual([ended.status, ended.stderr], [0, ""])
        assert.include(ended.stdout, "1,758 of 1,758 orders")
        assert.notInclude(ended.stdout, "Different")
        assert.notInclude(ended.stdout, "\u001b")
        // Its removals had neither number nor reason, and the read models say so.
        assert.match(
          ended.stdout,
          /\n  reason +times +units\n  not recorded +[0-9,]+ +not recorded\n/
        )
        assert.strictEqual(lastLine(ended), "Recorded 10,000 events.")
      }),
    TIMEOUT_MILLIS
  )
})
