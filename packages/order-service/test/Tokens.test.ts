import { Authenticator } from "@daybook/http/Authenticator"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Tokens from "../src/Tokens.ts"

const [FIRST, SECOND] = ["kV3mT9xQ2bL7cR5nW8pZ4sD6fG1hJ0yA", "yA0Jh1GfZp8Wn5Rc7Lb2Qx9Tm3Vk4sD6="]

const parse = (text: string) => Tokens.parse(Redacted.make(text))

const SHAPE = "expected an actor, permissions and a token, with blanks between"
const ALPHABET = "a token is 32 or more letters, digits and -._~+/"

describe("Tokens", () => {
  it.effect("knows callers by their tokens, and no other ones", () =>
    Effect.gen(function* () {
      const tokens = yield* Effect.fromResult(
        parse(`# the shop\n\npriya\tcommand,read  ${FIRST}\r\n  importer import ${SECOND}\n`)
      )
      const { authenticate } = yield* Effect.provide(Authenticator, Tokens.layer(tokens))
      const callerOf = (secret: string) =>
        Effect.map(
          authenticate({ scheme: "bearer", secret: Redacted.make(secret) }),
          Option.map(({ actor, permissions }) => `${actor}: ${Array.from(permissions).join()}`)
        )
      assert.deepStrictEqual(yield* callerOf(FIRST), Option.some("priya: command,read"))
      assert.deepStrictEqual(yield* callerOf(SECOND), Option.some("importer: import"))
      for (const other of ["", FIRST.slice(1), FIRST.toLowerCase(), "priya", "__proto__"]) {
        assert.deepStrictEqual(yield* callerOf(other), Option.none(), other)
      }
    })
  )

  for (const [name, file, expected] of [
    ["its own, for itself", { mode: 0o100600, isOwn: true, isWritable: true }, true],
    ["its own, for itself to read", { mode: 0o100400, isOwn: true, isWritable: false }, true],
    ["its own, for a group", { mode: 0o100640, isOwn: true, isWritable: true }, false],
    ["its own, for all to read", { mode: 0o100444, isOwn: true, isWritable: false }, false],
    ["a secret of Kubernetes", { mode: 0o100644, isOwn: false, isWritable: false }, true],
    ["a secret of a group", { mode: 0o100440, isOwn: false, isWritable: false }, true],
    ["another's that it may write", { mode: 0o100666, isOwn: false, isWritable: true }, false]
  ] as const) {
    it(`${expected ? "takes" : "refuses"} a file that is ${name}`, () => {
      assert.strictEqual(Tokens.isClosed(file), expected)
    })
  }

  for (const [text, line, problem] of [
    ["", 1, "there is no token"],
    ["# none", 1, "there is no token"],
    ["\npriya command", 2, SHAPE],
    [`priya command ${FIRST} x`, 1, SHAPE],
    [`priya\u0001 command ${FIRST}`, 1, "the actor can't be recorded"],
    [
      `priya sell ${FIRST}`,
      1,
      "the permissions are not among command,import,read,log,operate,inspect"
    ],
    ["priya command short", 1, ALPHABET],
    [`priya command ${FIRST.replace("k", "§")}`, 1, ALPHABET],
    [`priya command ${FIRST}\ntom command ${FIRST}`, 2, "the token is that of a line above"]
  ] as const) {
    it(`refuses ${JSON.stringify(text.replaceAll(FIRST, "TOKEN"))}`, () => {
      const found = parse(text)
      assert(Result.isFailure(found))
      assert.strictEqual(found.failure.message, `tokens, line ${line}: ${problem}`)
    })
  }
})
