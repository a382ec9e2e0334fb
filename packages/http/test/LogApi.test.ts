import * as AggregateApi from "@daybook/http/AggregateApi"
import { Actor, CurrentCaller, type Permission } from "@daybook/http/Authenticator"
import * as Host from "@daybook/http/Host"
import * as LogApi from "@daybook/http/LogApi"
import { Busy } from "@daybook/http/Problem"
import * as EventId from "@daybook/kernel/EventId"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { EventStore } from "@daybook/store/EventStore"
import { assert, describe, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import { paced } from "../src/internal/paced.ts"
import { Away, book, Command } from "./library.ts"
import { memory, ORIGIN, serve } from "./serve.ts"

const books = AggregateApi.make(book, { name: "books", command: Command, rejection: Away })
const log = LogApi.make({ name: "log" })
const api = HttpApi.make("library").add(books.group, log.group)

const logOnly = HttpApi.make("log").add(log.group)

const EVENTS = 20
const ROUNDS = 5

const noteOf = (number: number): NewEvent => ({
  id: EventId.make(`00000000-0000-4000-8000-${String(number).padStart(12, "0")}`),
  type: "Noted",
  schemaVersion: 1,
  data: null,
  metadata: {},
  occurredAt: DateTime.makeUnsafe(0)
})

const settings = {
  most: 2,
  mostPerActor: 2,
  heartbeatMillis: 3_600_000,
  patienceMillis: 3_600_000,
  lifetimeMillis: 100 * 3_600_000
}

const library = Effect.gen(function* () {
  const stores = Layer.succeedContext(yield* Layer.build(memory))
  const served = yield* serve(
    Host.layer(api, [books, log]).pipe(
      Layer.provide(stores),
      Layer.provide(Layer.succeed(LogApi.FollowerSettings, settings))
    )
  )
  const client = yield* HttpApiClient.make(api, { baseUrl: ORIGIN }).pipe(
    Effect.provide(served.client)
  )
  for (const id of ["1", "2", "3"]) {
    yield* client.books.execute({
      params: { id },
      headers: {},
      payload: Command.cases.Lend.make({ to: "Ada" })
    })
  }
  yield* client.books.execute({
    params: { id: "2" },
    headers: {},
    payload: Command.cases.Return.make({})
  })
  return { ...served, client, stores }
})

type Query = { readonly type?: ReadonlyArray<string>; readonly after?: string }

/** A store whose subscriptions are changed. */
const over = (
  stores: Layer.Layer<EventStore>,
  change: <A, E>(pages: Stream.Stream<A, E>) => Stream.Stream<A, E>
) =>
  Layer.effect(
    EventStore,
    EventStore.useSync((store) =>
      EventStore.of({
        ...store,
        subscribePages: (options) => change(store.subscribePages(options))
      })
    )
  ).pipe(Layer.provide(stores))

/** The first events that a client of the log receives. */
const follow = (
  { client }: Effect.Success<typeof library>,
  query: Query,
  count: number,
  lastEventId?: string
) =>
  Effect.flatMap(
    client.log.events({
      query,
      headers: lastEventId === undefined ? {} : { "last-event-id": lastEventId }
    }),
    (events) => Stream.runCollect(Stream.take(events, count))
  )

const streams = (events: ReadonlyArray<LogApi.LogEvent>) =>
  events.map((one) => (one.event === "recorded" ? one.data.streamId : one.event)).join(" ")

describe("the log", () => {
  it.effect("is followed from its first event, with what is recorded meanwhile", () =>
    Effect.gen(function* () {
      const served = yield* library
      const events = yield* follow(served, {}, 4)
      assert.strictEqual(streams(events), "book-1 book-2 book-3 book-2")
      const live = yield* Effect.forkChild(follow(served, {}, 1, events[3]?.id))
      yield* served.client.books.execute({
        params: { id: "4" },
        headers: {},
        payload: Command.cases.Lend.make({ to: "Ben" })
      })
      assert.strictEqual(streams(yield* Fiber.join(live)), "book-4")
    })
  )

  it.effect("is resumed after the last id, and filtered by type", () =>
    Effect.gen(function* () {
      const served = yield* library
      const [first, second] = yield* follow(served, {}, 2)
      assert.strictEqual(streams(yield* follow(served, {}, 2, second?.id)), "book-3 book-2")
      assert.strictEqual(streams(yield* follow(served, { after: first?.id ?? "" }, 1)), "book-2")
      const returned = yield* follow(served, { type: ["Returned"] }, 1)
      assert.strictEqual(streams(returned), "book-2")
    })
  )

  it.effect("refuses an id of another log, one ahead, and one that is none", () =>
    Effect.gen(function* () {
      const served = yield* library
      const other = yield* library
      const [event] = yield* follow(other, {}, 1)
      const foreign = yield* Effect.flip(follow(served, {}, 1, event?.id))
      assert.strictEqual(foreign._tag, "OtherHistory")
      const ahead = yield* Effect.flip(follow(served, { after: "1000" }, 1))
      assert.strictEqual(ahead._tag, "OtherHistory")
      for (const id of ["x", "%00", "a b", "9".repeat(19), "../../etc"]) {
        const { status } = yield* served.send("GET", `/log?after=${encodeURIComponent(id)}`)
        assert.strictEqual(status, 400, id)
      }
    })
  )

  it.effect("begins after head with the place, so that an early reconnect loses nothing", () =>
    Effect.gen(function* () {
      const served = yield* library
      const [first] = yield* follow(served, { after: "head" }, 1)
      assert.strictEqual(first?.event, "heartbeat")
      yield* served.client.books.execute({
        params: { id: "4" },
        headers: {},
        payload: Command.cases.Lend.make({ to: "Ben" })
      })
      // A browser repeats its query, and has the place in the header.
      const after = yield* follow(served, { after: "head" }, 1, first?.id)
      assert.strictEqual(streams(after), "book-4")
    })
  )

  it.effect("has no heartbeat with a place after events that it has not sent", () =>
    Effect.gen(function* () {
      const { heartbeatMillis } = settings
      const { stores } = yield* library
      for (let turns = 0; turns < 12; turns++) {
        // The page is read in the very moment of the heartbeat, some turns later.
        const late = over(stores, (pages) =>
          Effect.yieldNow.pipe(
            Effect.andThen(Effect.sleep(heartbeatMillis)),
            Effect.andThen(Effect.repeat(Effect.yieldNow, { times: turns })),
            Effect.as(pages),
            Stream.unwrap
          )
        )
        const follow = yield* LogApi.follow.pipe(
          Effect.provideService(LogApi.FollowerSettings, settings),
          Effect.provide(late)
        )
        const opened = yield* follow({ headers: {}, query: {} })
        const received: Array<LogApi.LogEvent> = []
        yield* Effect.forkScoped(
          Stream.runForEach(opened, (event) => Effect.sync(() => received.push(event)))
        )
        yield* TestClock.adjust(heartbeatMillis * 2.5)
        const sent = received.findIndex(({ event }) => event === "recorded")
        assert.isAtLeast(sent, 0)
        for (const { id } of received.slice(0, sent)) assert.strictEqual(id, "0", `${turns}`)
        assert.strictEqual(received.at(-1)?.event, "heartbeat")
        assert.strictEqual(received.at(-1)?.id, received.at(-2)?.id)
      }
    }).pipe(Effect.provideService(HttpServerRequest, {} as never))
  )

  it.effect("S35: tells its clients nothing of a fault of the host", () =>
    Effect.gen(function* () {
      const { stores } = yield* library
      const faulty = over(stores, (pages) =>
        Stream.concat(Stream.take(pages, 1), Stream.die(new Error("password at 10.0.0.7")))
      )
      const { fetch } = yield* serve(Host.layer(logOnly, [log]).pipe(Layer.provide(faulty)))
      const text = yield* Effect.promise(async () =>
        (await fetch(new Request(`${ORIGIN}/log`))).text()
      )
      assert.match(text, /^event: recorded$/m)
      assert.notMatch(text, /password|10\.0\.0\.7|fail|die|defect/i)
    })
  )

  it.effect("is followed by so many clients at once, and by another when one has left", () =>
    Effect.gen(function* () {
      const served = yield* library
      const open = Effect.promise(() => served.fetch(new Request(`${ORIGIN}/log`)))
      const first = yield* open
      const second = yield* open
      assert.deepStrictEqual([first.status, second.status], [200, 200])
      const refused = yield* open
      assert.strictEqual(refused.status, 503)
      assert.strictEqual(refused.headers.get("retry-after"), "1")
      yield* Effect.promise(async () => first.body?.cancel())
      const again = yield* open
      assert.strictEqual(again.status, 200)
      yield* Effect.promise(async () => second.body?.cancel())
      yield* Effect.promise(async () => again.body?.cancel())
    })
  )

  /** Opens an answer on handlers of a log in memory. */
  const opening = (changes: Partial<typeof settings>) =>
    Effect.gen(function* () {
      const { stores } = yield* library
      const follow = yield* LogApi.follow.pipe(
        Effect.provideService(LogApi.FollowerSettings, { ...settings, ...changes }),
        Effect.provide(stores)
      )
      return Effect.suspend(() => follow({ headers: {}, query: {} }))
    })

  it.effect(
    "S32: ends for a client after its lifetime, so that its caller is authenticated again",
    () =>
      Effect.gen(function* () {
        const open = yield* opening({ heartbeatMillis: 1_000, lifetimeMillis: 3_500 })
        const fiber = yield* Effect.forkChild(Effect.flatMap(open, Stream.runCollect))
        yield* TestClock.adjust(3_499)
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust(1)
        assert.isDefined(fiber.pollUnsafe())
        const received = yield* Fiber.join(fiber)
        assert.strictEqual(
          streams(received),
          "book-1 book-2 book-3 book-2 heartbeat heartbeat heartbeat"
        )
      }).pipe(Effect.provideService(HttpServerRequest, {} as never))
  )

  it.effect("S32: is followed by so many clients of one actor at once", () =>
    Effect.gen(function* () {
      const open = yield* opening({ most: 3, mostPerActor: 1 })
      const as = (actor: string) =>
        Effect.provideService(open, CurrentCaller, {
          actor: Actor.make(actor),
          permissions: new Set<Permission>()
        })
      const first = yield* Scope.make()
      yield* Scope.provide(as("Ada"), first)
      const refused = yield* Effect.flip(as("Ada"))
      assert.instanceOf(refused, Busy)
      yield* as("Ben")
      yield* Scope.close(first, Exit.void)
      yield* as("Ada")
      // A host without authentication has no actors, and one limit.
      yield* open
      assert.instanceOf(yield* Effect.flip(open), Busy)
    }).pipe(Effect.provideService(HttpServerRequest, {} as never))
  )

  it.effect("S32: is read a page at a time for each of a thousand clients", () =>
    Effect.gen(function* () {
      const clients = 1_000
      const pages = new Map<unknown, number>()
      const stores = Layer.succeedContext(yield* Layer.build(memory))
      const counted = Layer.effect(
        EventStore,
        EventStore.useSync((store) =>
          EventStore.of({
            ...store,
            subscribePages: (options) => {
              const follower = {}
              return Stream.tap(store.subscribePages(options), () =>
                Effect.sync(() => pages.set(follower, (pages.get(follower) ?? 0) + 1))
              )
            }
          })
        )
      ).pipe(Layer.provide(stores))
      const served = yield* serve(
        Host.layer(logOnly, [log]).pipe(
          Layer.provide(counted),
          Layer.provide(Layer.succeed(LogApi.FollowerSettings, { ...settings, most: 2_000 }))
        )
      )
      const store = yield* Effect.provide(EventStore, stores)
      const append = (round: number) =>
        store.append({
          streamId: StreamId.StreamId.make("note-1"),
          expected: ExpectedRevision.any,
          events: Arr.makeBy(EVENTS, (index) => noteOf(round * EVENTS + index))
        })
      const open = async () => {
        const { body } = await served.fetch(new Request(`${ORIGIN}/log`))
        assert.isNotNull(body)
        // The body of a `Response` of Node is of bytes.
        return (body as ReadableStream<Uint8Array> | null)?.getReader()
      }
      yield* append(0)
      const stalled = yield* Effect.promise(() =>
        Promise.all(
          Array.from({ length: clients }, async () => {
            const reader = await open()
            await reader?.read()
            return reader
          })
        )
      )
      const reader = yield* Effect.promise(open)
      let read = 0
      for (let round = 1; round <= ROUNDS; round++) {
        yield* append(round)
        yield* Effect.promise(async () => {
          while (read < (round + 1) * EVENTS) {
            const chunk = await reader?.read()
            read += new TextDecoder().decode(chunk?.value).split("event: recorded").length - 1
          }
        })
      }
      const counts = [...pages.values()].toSorted((a, b) => b - a)
      assert.lengthOf(counts, clients + 1)
      // The one that reads was sent every page, and each of the others holds the first few.
      assert.isAtLeast(counts[0] ?? 0, ROUNDS + 1)
      assert.isAtMost(counts[1] ?? Infinity, 3)
      yield* Effect.promise(() =>
        Promise.all([reader, ...stalled].map(async (one) => one?.cancel()))
      )
    })
  )
})

describe("the pace of a follower", () => {
  const pace = { heartbeatMillis: 1_000, patienceMillis: 10_000 }

  it.effect("has a heartbeat after each silence, and loses nothing for it", () =>
    Effect.gen(function* () {
      const source = Stream.fromEffect(Effect.as(Effect.sleep(2_500), "event"))
      const fiber = yield* Effect.forkChild(Stream.runCollect(paced(source, () => "beat", pace)))
      yield* TestClock.adjust(10_000)
      assert.deepStrictEqual(yield* Fiber.join(fiber), ["beat", "beat", "event"])
    })
  )

  it.effect("cuts off a client that takes too long for a page", () =>
    Effect.gen(function* () {
      const seen: Array<number> = []
      const source = Stream.fromIterable(Arr.range(1, 10)).pipe(Stream.rechunk(1))
      const fiber = yield* Effect.forkChild(
        Stream.runForEach(
          paced(source, () => 0, pace),
          (element) => {
            seen.push(element)
            return element === 3 ? Effect.sleep(11_000) : Effect.sleep(9_000)
          }
        )
      )
      yield* TestClock.adjust(60_000)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      assert.deepStrictEqual(seen, [1, 2, 3])
    })
  )

  it.effect("ends although its source always has more", () =>
    Effect.gen(function* () {
      let read = 0
      const source = Stream.fromEffectRepeat(Effect.sync(() => ++read))
      const endless = paced(source, () => 0, pace, Effect.void)
      assert.deepStrictEqual(yield* Stream.runCollect(Stream.take(endless, 3)), [])
    })
  )

  it.effect("reads nothing ahead of its consumer", () =>
    Effect.gen(function* () {
      let read = 0
      const source = Stream.fromEffectRepeat(Effect.sync(() => ++read))
      const pulled = yield* Stream.toPull(paced(source, () => 0, pace))
      yield* pulled
      yield* pulled
      assert.strictEqual(read, 2)
    })
  )
})
