import * as EventId from "@daybook/kernel/EventId"
import * as StreamId from "@daybook/kernel/StreamId"
import { EventStore } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { inspected, placeOrder } from "./inspected.ts"

const SCRIPT = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u0000\u202e"

const json = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes))

describe("hostile input", () => {
  it.effect("S61: is answered as JSON that no browser runs, whatever is stored", () =>
    Effect.gen(function* () {
      const { inside, send } = yield* inspected()
      const stored = SCRIPT.replace("\u0000", "")
      const id = stored.replace("\u202e", "")
      yield* inside(
        EventStore.use((store) =>
          store.append({
            streamId: StreamId.StreamId.make(`order-${id}`),
            expected: ExpectedRevision.noStream,
            events: [
              {
                type: "Unheard",
                schemaVersion: 1,
                data: { [stored]: stored },
                id: EventId.make("0f2b6a44-8d7e-4a52-9b39-3e3a1a6f1c12"),
                metadata: { actor: stored, correlationId: stored, custom: { [stored]: stored } },
                occurredAt: DateTime.makeUnsafe(0)
              }
            ]
          })
        )
      )
      const at = `/inspector/api/streams/${encodeURIComponent(`order-${id}`)}`
      for (const path of [
        "/inspector/api/streams",
        "/inspector/api/log?data=true",
        at,
        `${at}/events?data=true`,
        `${at}/events/1`,
        `${at}/outline`,
        `${at}/states`
      ]) {
        const { bytes, headers, status } = yield* send(path)
        assert.strictEqual(status, 200, path)
        assert.match(headers.get("content-type") ?? "", /^application\/json/)
        assert.strictEqual(headers.get("x-content-type-options"), "nosniff")
        assert.doesNotThrow(() => json(bytes))
      }
      // A sentence has no control that could reorder a line.
      const { bytes } = yield* send(`${at}/events`)
      const { events } = json(bytes) as {
        readonly events: ReadonlyArray<{ readonly text: string }>
      }
      assert.notInclude(events[0]?.text ?? "", "\u202e")
    })
  )

  it.effect("is refused or finds nothing, and never is a fault of the host", () =>
    Effect.gen(function* () {
      const { inside, send } = yield* inspected()
      yield* inside(placeOrder("ada"))
      const texts = [
        "'; DROP TABLE events; --",
        "*%*",
        "event:not-a-uuid",
        "order-ada@99999999999",
        "order-ada@-1",
        "type:",
        "part:",
        "\u0000",
        "\ud800",
        "x".repeat(600),
        "x".repeat(601),
        '{"$where":1}',
        "../../etc/passwd",
        "__proto__",
        "constructor"
      ]
      for (const text of texts) {
        const encoded = encodeURIComponent(text.replace("\ud800", "%ED%A0%80"))
        for (const path of [
          `/streams?q=${encoded}`,
          `/streams?by=${encoded}`,
          `/streams?offset=${encoded}`,
          `/streams/${encoded}`,
          `/streams/order-ada/events?from=${encoded}`,
          `/streams/order-ada/events/${encoded}`,
          `/streams/order-ada/state?recordedAt=${encoded}`,
          `/log?type=${encoded}&below=${encoded}`,
          `/log?notActor=${encoded}`,
          `/log/trail?correlation=${encoded}`,
          `/log/live?after=${encoded}&type=${encoded}`,
          `/read-models/${encoded}/rows`,
          `/read-models/order_summary/rows?where=${encoded}`,
          `/read-models/order_summary/rows?where=orderId:${encoded}`,
          `/read-models/order_summary/rows?by=${encoded}`,
          `/read-models/order_summary/rows?cursor=${encoded}`,
          `/read-models/order_summary/row?key=${encoded}`,
          `/read-models/order_summary/difference?from=${encoded}`,
          `/operation/${encoded}/acts`
        ]) {
          const { status } = yield* send(`/inspector/api${path}`)
          assert.isBelow(status, 500, path)
        }
      }
    })
  )

  it.effect("acts on nothing without a body of JSON, as a form of another site sends it", () =>
    Effect.gen(function* () {
      const { send } = yield* inspected()
      for (const type of ["text/plain", "application/x-www-form-urlencoded", ""]) {
        const { status } = yield* send("/inspector/api/operation/order_summary/pause", {
          method: "POST",
          body: "{}",
          headers: type === "" ? {} : { "content-type": type }
        })
        assert.strictEqual(status, 415)
      }
    })
  )
})
