/**
 * Writes the fingerprints of the tests' own folds, one on each line.
 */
import * as FoldFingerprint from "@daybook/store/FoldFingerprint"
import * as Digest from "effect/crypto/Digest"
import * as Effect from "effect/Effect"
import * as process from "node:process"
import * as Account from "../Account.ts"
import * as Hall from "../Hall.ts"

const program = Effect.gen(function* () {
  const account = yield* FoldFingerprint.make(Account.aggregate)
  const hall = yield* FoldFingerprint.make(Hall.aggregate)
  process.stdout.write(`${account}\n${hall}\n`)
})

void Effect.runPromise(Effect.provide(program, Digest.layerWebCrypto))
