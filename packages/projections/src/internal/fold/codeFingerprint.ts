/**
 * A fingerprint by which a host detects that another host folds a read model with other code.
 *
 * It covers the visible parts of a projection: every stored version that its codecs read, the
 * table, the texts of its functions, though not of the functions that they call, and the build that
 * the host names.
 */
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as SchemaLock from "@daybook/kernel/SchemaLock"
import * as Digest from "effect/crypto/Digest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { AnyModel } from "./rowFold.ts"

export const codeFingerprint = (
  { projection, table }: AnyModel,
  build: string | undefined
): Effect.Effect<string, never, Digest.Digest> =>
  Effect.gen(function* () {
    const digest = yield* Digest.Digest
    const text = JSON.stringify([
      table.name,
      table.version,
      table.description,
      projection.from.map(({ category, codec }) => [
        category,
        codec.name,
        describe(codec.versions ?? [])
      ]),
      projection.code ?? "",
      String(Reflect.get(projection, "keys")),
      String(Reflect.get(projection, "apply")),
      build ?? ""
    ])
    const hash = yield* digest.digestHex(Digest.sha256, new TextEncoder().encode(text))
    return hash.slice(0, 16)
  }).pipe(Effect.orDie)

/**
 * The description of each list of versions, made once: hosts of one process start again and again
 * in tests, and a description takes milliseconds.
 */
const described = new WeakMap<ReadonlyArray<EventCodec.StoredVersion>, string>()

const describe = (versions: ReadonlyArray<EventCodec.StoredVersion>): string => {
  const known = described.get(versions)
  if (known !== undefined) return known
  const text = SchemaLock.toText(SchemaLock.describe({ ...empty, versions }))
  described.set(versions, text)
  return text
}

const empty = EventCodec.make({ name: "code", events: Schema.TaggedUnion({ Event: {} }) })
