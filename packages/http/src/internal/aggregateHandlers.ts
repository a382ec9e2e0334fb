/**
 * The handlers of the endpoints of an aggregate.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import type { CommandId } from "@daybook/kernel/CommandId"
import * as Decider from "@daybook/kernel/Decider"
import { decodeRecorded } from "@daybook/kernel/EventCodec"
import * as Revision from "@daybook/kernel/Revision"
import { type At, CommandHandler, CurrentMetadata } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as Digest from "effect/crypto/Digest"
import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as HttpTraceContext from "effect/http/HttpTraceContext"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { ParentSpan } from "effect/Tracer"
import { CurrentCaller } from "../Authenticator.ts"
import { KeyReused, type Malformed, malformed, Unknown } from "../Problem.ts"
import * as Idempotency from "./idempotency.ts"
import type { Handlers } from "./implement.ts"
import { forbidden, ofCommandError, ofLoadError } from "./problems.ts"
import type { Rejections } from "./rejections.ts"
import { etagOf, expectedOf, type Headers, keyOf, metadataOf } from "./requestHeaders.ts"
import { malformedPart, STRICT } from "./schemaErrors.ts"

/** Continues the trace of the request on a host that has no tracer, whose spans would do so. */
const continued = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const { headers } = yield* HttpServerRequest
    const known = yield* Effect.serviceOption(ParentSpan)
    const sent = Option.isSome(known) ? Option.none() : HttpTraceContext.fromHeaders(headers)
    return yield* Option.isSome(sent) ? Effect.withParentSpan(effect, sent.value) : effect
  })

interface Instance {
  readonly params: { readonly id: string }
}

/** The command of a request, and the JSON by which a repetition is recognised. */
interface Received<Command> {
  readonly command: Command
  readonly json: Effect.Effect<Schema.Json, never, HttpServerRequest>
}

/** Returns the JSON of the body, which the decoder of the endpoint has parsed before. */
const bodyOf = HttpServerRequest.use(({ text }) =>
  Effect.map(Effect.orDie(text), (body) => (body === "" ? null : JSON.parse(body)) as Schema.Json)
)

/** Returns the fault of headers that exclude each other, or that lack what the host requires. */
const faultOf = (headers: Headers, requireKey: boolean): Malformed | undefined => {
  const isKnown = (name: keyof Headers) => headers[name] !== undefined
  if (isKnown("if-match") && isKnown("if-none-match")) {
    return malformed(["headers", "if-match"], "If-Match and If-None-Match exclude each other")
  }
  if (isKnown("idempotency-key") && isKnown("x-command-id")) {
    return malformed(
      ["headers", "x-command-id"],
      "Idempotency-Key and X-Command-Id exclude each other"
    )
  }
  if (requireKey && !isKnown("idempotency-key") && !isKnown("x-command-id")) {
    return malformed(["headers", "idempotency-key"], "is missing")
  }
  return undefined
}

/** Makes the handlers; `endpoints` has the tag that stands in the path of each, if one does. */
export const make = <Command, State, Event, Rejection>(
  aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
  command: Schema.Codec<Command, unknown>,
  rejections: Rejections<Rejection>,
  endpoints: { readonly [identifier: string]: string | undefined },
  { maxEntries, requireKey }: { readonly maxEntries: number; readonly requireKey: boolean }
): Effect.Effect<Handlers, never, CommandHandler | EventStore> =>
  Effect.gen(function* () {
    const store = yield* EventStore
    const handle = yield* CommandHandler.for(aggregate)
    const digests = yield* Digest.Digest
    const decode = Schema.decodeUnknownEffect(Schema.toCodecJson(command), STRICT)

    /** Decodes a body without its tag by the whole schema, whose checks may span fields. */
    const tagged = Effect.fnUntraced(function* (_tag: string) {
      const body = yield* bodyOf
      if (typeof body !== "object" || body === null || Array.isArray(body)) {
        return yield* malformed(["payload"], "is not an object")
      }
      const json = { ...(body as Readonly<Record<string, Schema.Json>>), _tag }
      return {
        command: yield* Effect.mapError(decode(json), (error) => malformedPart("payload", error)),
        json: Effect.succeed(json)
      }
    })

    const execute = Effect.fnUntraced(function* (
      id: string,
      { command: given, json }: Received<Command>,
      headers: Headers
    ) {
      const caller = yield* CurrentCaller
      const fault = faultOf(headers, requireKey)
      if (fault !== undefined) return yield* fault
      const commandId = headers["x-command-id"]
      const occurredAt = headers["x-occurred-at"]
      const isImport = occurredAt !== undefined || commandId !== undefined
      if (isImport && caller?.permissions.has("import") === false) {
        return yield* forbidden("import")
      }
      const expected = expectedOf(headers)
      const identity = yield* Idempotency.identityOf({
        key: keyOf(headers),
        commandId,
        actor: caller?.actor,
        received: json,
        occurredAt
      }).pipe(Effect.provideService(Digest.Digest, digests))
      const [answer] = yield* handle
        .executeAll(id, [{ command: given, commandId: identity?.commandId, occurredAt }], {
          expected
        })
        .pipe(
          Effect.updateService(CurrentMetadata, (present) => ({
            ...present,
            ...metadataOf(headers, caller),
            ...(identity === undefined
              ? {}
              : { custom: { ...present.custom, [Idempotency.FIELD]: identity.digest } })
          })),
          Effect.catch((error) =>
            ofCommandError(error, { expected, isRepeatable: identity !== undefined })
          )
        )
      // One request has one answer.
      if (answer === undefined) return yield* Effect.die("a command without an answer")
      if (Result.isFailure(answer)) return yield* Effect.fail(rejections.of(answer.failure))
      const { events, position, repeated, revision } = answer.success
      if (repeated && identity !== undefined) yield* verifyDigest(id, revision, identity)
      return HttpApiSchema.withHeaders({
        body: { revision, position, events: events.length, repeated },
        headers: { etag: etagOf(revision) }
      })
    })

    /**
     * Compares the digest that the command's last event recorded. A command that was recorded
     * without one, by a caller in the process, can't be compared.
     */
    const verifyDigest = Effect.fnUntraced(
      function* (
        id: string,
        revision: Revision.Revision,
        identity: { readonly commandId: CommandId; readonly digest: string }
      ) {
        const streamId = yield* Effect.fromResult(Aggregate.streamId(aggregate, id))
        const recorded = yield* Stream.runHead(store.read(streamId, { from: revision, limit: 1 }))
        const metadata = Option.getOrUndefined(recorded)?.metadata
        if (metadata?.commandId !== identity.commandId) return
        const first = metadata.custom?.[Idempotency.FIELD]
        if (first !== undefined && first !== identity.digest) return yield* new KeyReused()
      },
      Effect.catchTags({
        InvalidStreamId: ofLoadError,
        InvalidReadOption: ofLoadError,
        EventStoreError: ofLoadError
      })
    )

    const state = Effect.fnUntraced(function* ({
      params: { id },
      query: { at, revision }
    }: Instance & {
      readonly query: { readonly revision?: Revision.Revision; readonly at?: DateTime.Utc }
    }) {
      if (at !== undefined && revision !== undefined) {
        return yield* malformed(["query"], "revision and at exclude each other")
      }
      const asked: At | undefined =
        revision !== undefined ? { revision } : at !== undefined ? { occurredAt: at } : undefined
      const load = asked === undefined ? handle.load(id) : handle.loadAt(id, asked)
      const loaded = yield* Effect.catch(load, ofLoadError)
      // A revision that the stream has not reached is no state of it.
      if (loaded.revision === 0 || loaded.revision < (revision ?? 0)) return yield* new Unknown()
      return HttpApiSchema.withHeaders({
        body: { revision: loaded.revision, state: loaded.state },
        headers: { etag: etagOf(loaded.revision) }
      })
    })

    /** Returns the state as of a revision; the initial one without a read. */
    const stateAt = (id: string, revision: Revision.Revision) =>
      revision === Revision.empty
        ? Effect.map(Effect.fromResult(Aggregate.streamId(aggregate, id)), (streamId) => ({
            streamId,
            revision,
            state: aggregate.decider.initialState
          }))
        : handle.loadAt(id, { revision })

    const history = Effect.fnUntraced(function* ({
      params: { id },
      query: { after = Revision.empty, limit = maxEntries }
    }: Instance & {
      readonly query: { readonly after?: Revision.Revision; readonly limit?: number }
    }) {
      const before = yield* Effect.catch(stateAt(id, after), ofLoadError)
      if (before.revision < after) {
        if (before.revision === Revision.empty) return yield* new Unknown()
        return { entries: [] }
      }
      // One more tells whether there is a next page.
      const options = { from: Revision.make(after + 1), limit: limit + 1 }
      const read = yield* Effect.catch(
        Stream.runCollect(store.read(before.streamId, options)),
        ofLoadError
      )
      if (read.length === 0 && after === Revision.empty) return yield* new Unknown()
      let folded = before.state
      // A stored event may decode to no event of today or to several: each has its entry.
      const entries = yield* Effect.forEach(read.slice(0, limit), (event) =>
        Effect.fromResult(decodeRecorded(aggregate.codec, event)).pipe(
          Effect.map((events) => {
            folded = Decider.fold(aggregate.decider, events, folded)
            return { event, state: folded }
          }),
          Effect.catch(ofLoadError)
        )
      )
      return read.length > limit ? { entries, next: Revision.make(after + limit) } : { entries }
    })

    return {
      ...Object.fromEntries(
        Object.entries(endpoints).map(([identifier, tag]) => [
          identifier,
          ({
            headers,
            params: { id },
            payload
          }: Instance & { readonly headers: Headers; readonly payload: Command }) =>
            continued(
              Effect.flatMap(
                tag === undefined
                  ? Effect.succeed({ command: payload, json: bodyOf })
                  : tagged(tag),
                (received) => execute(id, received, headers)
              )
            )
        ])
      ),
      state,
      history
    }
  }).pipe(Effect.provide(Digest.layerWebCrypto))
