import * as AggregateApi from "@daybook/http/AggregateApi"
import { Actor, Authentication, Authenticator, type Permission } from "@daybook/http/Authenticator"
import * as Host from "@daybook/http/Host"
import * as ReactorsApi from "@daybook/http/ReactorsApi"
import * as Position from "@daybook/kernel/Position"
import { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import * as ConsumerGroupsMemory from "@daybook/reactors/ConsumerGroupsMemory"
import type { GroupStatus } from "@daybook/reactors/GroupStatus"
import * as Reactor from "@daybook/reactors/Reactor"
import { Reactors } from "@daybook/reactors/Reactors"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, describe, it } from "@effect/vitest"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import { Away, book, Command } from "./library.ts"
import { ORIGIN, serve } from "./serve.ts"

const books = AggregateApi.make(book, { name: "books", command: Command, rejection: Away })
const reactors = ReactorsApi.make({ name: "reactors" })
const api = HttpApi.make("library").add(books.group, reactors.group).middleware(Authentication)

/** Callers whose token is their name; Olga alone may operate. */
const callers = Authentication.layer.pipe(
  Layer.provide(
    Layer.succeed(Authenticator, {
      authenticate: ({ secret }) => {
        const name = Redacted.value(secret)
        const permissions = new Set<Permission>(
          name === "olga" ? ["command", "operate"] : ["command", "read", "log"]
        )
        return Effect.succeed(Option.some({ actor: Actor.make(name), permissions }))
      }
    })
  )
)

const params = { group: "letters" }

/** A library that writes to its readers, whose addresses are all known but for Mallory's. */
const library = Effect.gen(function* () {
  const sent: Array<string> = []
  const addresses = new Set(["Ada", "Bob"])
  const letters = Reactor.make({
    name: "letters",
    sources: [book],
    react: (event) =>
      event._tag === "Returned"
        ? Effect.void
        : addresses.has(event.to)
          ? Effect.sync(() => void sent.push(event.to))
          : Effect.fail(new Error(`no address of ${event.to}`)),
    onFailure: "park",
    retry: Schedule.recurs(0)
  })
  const stores = Layer.merge(CommandHandler.layer, Reactors.layer([letters])).pipe(
    Layer.provideMerge(ConsumerGroupsMemory.layer),
    Layer.provideMerge(EventStoreMemory.layer)
  )
  const context = yield* Layer.build(stores)
  const served = yield* serve(
    Host.layer(api, [books, reactors]).pipe(
      Layer.provide(callers),
      Layer.provide(Layer.succeedContext(context))
    )
  )
  const clientOf = (name: string) =>
    HttpApiClient.make(api, {
      baseUrl: ORIGIN,
      transformClient: HttpClient.mapRequest(HttpClientRequest.bearerToken(name))
    }).pipe(Effect.provide(served.client))
  const client = yield* clientOf("olga")
  const lend = (id: string, to: string) =>
    Effect.map(
      client.books.execute({
        params: { id },
        headers: {},
        payload: Command.cases.Lend.make({ to })
      }),
      ({ body }) => body.position
    )
  const giveBack = (id: string) =>
    client.books.execute({ params: { id }, headers: {}, payload: Command.cases.Return.make({}) })
  /** Asks for the status until it is so, and lets the reactor work between. */
  const until = (isSo: (status: GroupStatus) => boolean) =>
    Effect.promise(() => new Promise(setImmediate)).pipe(
      Effect.andThen(client.reactors.status({ params })),
      // The group may not have begun yet.
      Effect.retry({ while: (error) => error._tag === "Unknown" }),
      Effect.repeat({ until: isSo })
    )
  const held = until((status) => status.held.length === 1)
  const free = until((status) => status.held.length === 0 && status.lagEvents === 0)
  const groups = Context.get(context, ConsumerGroups)
  return { addresses, client, clientOf, free, giveBack, groups, held, lend, sent, until }
})

const actsOf = (client: Effect.Success<typeof library>["client"]) =>
  Effect.map(client.reactors.acts({ params }), (acts) =>
    acts.map(({ act, actor, reason }) => [act, Option.getOrNull(actor), Option.getOrNull(reason)])
  )

describe("The API of reactors", () => {
  it.live("tells the status of each group, with the key that an event holds", () =>
    Effect.gen(function* () {
      const { client, held, lend, sent, until } = yield* library
      const position = yield* lend("1", "Mallory")
      yield* lend("2", "Ada")
      const status = yield* held
      assert.deepInclude(status.held[0], {
        key: "book-1",
        state: "parked",
        position,
        type: "Lent",
        issue: "no address of Mallory",
        attempts: 1,
        asked: null
      })
      yield* until(() => sent.length === 1)
      assert.deepStrictEqual(sent, ["Ada"])
      const all = yield* client.reactors.statuses()
      assert.deepStrictEqual(
        all.map(({ name }) => String(name)),
        ["letters"]
      )
      const unknown = yield* Effect.flip(client.reactors.status({ params: { group: "calls" } }))
      assert.strictEqual(unknown._tag, "Unknown")
    })
  )

  it.live("releases a key, whose events are then handled in order", () =>
    Effect.gen(function* () {
      const { addresses, client, free, giveBack, held, lend, sent } = yield* library
      yield* lend("1", "Mallory")
      yield* held
      yield* giveBack("1")
      yield* lend("1", "Bob")
      addresses.add("Mallory")
      yield* client.reactors.release({ params, payload: { key: "book-1", reason: "she wrote" } })
      yield* free
      assert.deepStrictEqual(sent, ["Mallory", "Bob"])
      assert.deepStrictEqual(yield* actsOf(client), [["release", "olga", "she wrote"]])
      const refused = yield* Effect.flip(
        client.reactors.release({ params, payload: { key: "book-1" } })
      )
      assert.strictEqual(refused._tag, "NotPossible")
    })
  )

  it.live("drops the event of a key, and handles the later ones", () =>
    Effect.gen(function* () {
      const { client, free, giveBack, held, lend, sent } = yield* library
      yield* lend("1", "Mallory")
      yield* held
      yield* giveBack("1")
      yield* lend("1", "Bob")
      yield* client.reactors.drop({ params, payload: { key: "book-1", reason: "she moved" } })
      yield* free
      assert.deepStrictEqual(sent, ["Bob"])
      assert.deepStrictEqual(yield* actsOf(client), [["drop", "olga", "she moved"]])
    })
  )

  it.live("restarts a group from another place", () =>
    Effect.gen(function* () {
      const { client, free, lend, sent, until } = yield* library
      const first = yield* lend("1", "Ada")
      yield* lend("2", "Bob")
      yield* until(() => sent.length === 2)
      yield* free
      yield* client.reactors.restart({ params, payload: { from: first, reason: "Bob got none" } })
      yield* until(() => sent.length === 3)
      yield* client.reactors.restart({
        params,
        payload: { from: "beginning", reason: "none got any" }
      })
      yield* until(() => sent.length === 5)
      // Keys are handled at once, so their order among one another is open.
      assert.deepStrictEqual(sent.slice(2).toSorted(), ["Ada", "Bob", "Bob"])
      assert.deepStrictEqual(yield* actsOf(client), [
        ["restart", "olga", "Bob got none"],
        ["restart", "olga", "none got any"]
      ])
    })
  )

  it.live("forgets a group that no host runs, and refuses to forget another", () =>
    Effect.gen(function* () {
      const { client, groups, until } = yield* library
      yield* until(({ state }) => state === "live")
      const payload = { reason: "renamed" }
      const runs = yield* Effect.flip(client.reactors.forget({ params, payload }))
      assert.strictEqual(runs._tag, "NotPossible")
      const former = { group: "postcards" }
      const begun = yield* Deferred.make<void>()
      yield* Effect.raceFirst(
        groups.run({ name: former.group }, () =>
          Effect.andThen(Deferred.succeed(begun, undefined), Effect.never)
        ),
        Deferred.await(begun)
      )
      const acts = yield* client.reactors.forget({ params: former, payload })
      assert.deepStrictEqual(
        acts.map(({ act, actor }) => [act, Option.getOrNull(actor)]),
        [["forget", "olga"]]
      )
      const names = (yield* client.reactors.statuses()).map(({ name }) => name)
      assert.notInclude(names, former.group)
    })
  )

  it.live("is for callers that may operate", () =>
    Effect.gen(function* () {
      const { clientOf } = yield* library
      const { reactors } = yield* clientOf("ron")
      const reason = "a try"
      const key = "book-1"
      for (const attempt of [
        reactors.statuses(),
        reactors.status({ params }),
        reactors.acts({ params }),
        reactors.release({ params, payload: {} }),
        reactors.drop({ params, payload: { key, reason } }),
        reactors.restart({ params, payload: { from: Position.make(1n), reason } }),
        reactors.forget({ params, payload: { reason } })
      ] as ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }>>) {
        assert.strictEqual((yield* Effect.flip(attempt))._tag, "Forbidden")
      }
    })
  )
})
