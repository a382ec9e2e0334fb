/**
 * The law of commands together catches twins with a common mistake.
 */
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as Law from "@daybook/testing/Law"
import { assert, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { law, type Machinery } from "./togetherLaws.ts"

const decorated = (
  decorate: (handler: CommandHandler["Service"]) => CommandHandler["Service"]["executeTogether"]
): Machinery => ({
  handler: Layer.effect(
    CommandHandler,
    Effect.map(CommandHandler, (handler) => ({ ...handler, executeTogether: decorate(handler) }))
  )
})

const stored = (
  decorate: (store: EventStore["Service"]) => EventStore["Service"]["appendAll"]
): Machinery => ({
  store: Layer.effect(
    EventStore,
    Effect.map(EventStore, (store) => ({ ...store, appendAll: decorate(store) }))
  )
})

const twins: Readonly<Record<string, Machinery>> = {
  "executes the commands one after the other": stored(
    (store) =>
      ({ appends }) =>
        Effect.map(
          Effect.forEach(appends, (append) => store.append(append)),
          // One answer an append.
          (answers) => answers as [(typeof answers)[number], ...typeof answers]
        )
  ),
  "draws an id at each try": decorated((handler) => (calls) => handler.executeTogether(calls)),
  "does not expect the states that it decided on": stored(
    (store) =>
      ({ appends, checks }) =>
        store.appendAll({
          appends: Arr.map(appends, ({ events, streamId }) => ({
            streamId,
            expected: ExpectedRevision.any,
            events
          })),
          checks
        })
  ),
  "forgets the streams that it only read": stored(
    (store) =>
      ({ appends }) =>
        store.appendAll({ appends })
  ),
  "answers with the events of one stream": stored(
    (store) => (options) =>
      Effect.map(store.appendAll(options), (answers) =>
        Arr.map(answers, (answer) => ({ ...answer, position: answers[0].position }))
      )
  )
}

for (const [what, machinery] of Object.entries(twins)) {
  it.effect(`finds a twin that ${what}`, () =>
    Effect.gen(function* () {
      const broken = yield* Effect.flip(Law.check(law(machinery, 2_000)))
      assert.strictEqual(broken.reason._tag, "Falsified")
    }).pipe(Effect.provide(EventStoreMemory.layer))
  )
}
