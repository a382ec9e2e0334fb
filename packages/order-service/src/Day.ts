/**
 * A day in a shop, printed as it runs, with questions about it in the evening.
 *
 * @since 0.1.0
 */
import type { OrderRejection } from "@daybook/order/OrderRejection"
import { CurrentMetadata } from "@daybook/store/CommandHandler"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as DayAnswers from "./DayAnswers.ts"
import * as DayPage from "./DayPage.ts"
import * as DayRace from "./DayRace.ts"
import { ASKED_TIME, type OrderName, type Request, SCENES } from "./DayScript.ts"
import { Orders } from "./Orders.ts"
import * as ShopTime from "./ShopTime.ts"

/**
 * Plays the day, and returns the answers to the questions about it, with the end of the names of
 * its orders.
 *
 * **Details**
 * The day is the last Thursday. Its orders get new names each time, so that a log can hold many
 * days.
 *
 * @category running
 * @since 0.1.0
 */
export const run = Effect.gen(function* () {
  const orders = yield* Orders
  const day = ShopTime.lastThursday(yield* DateTime.now)
  const till = yield* drawName
  const idOf = (name: OrderName) => `${name}-${till}`
  const askedAt = ShopTime.at(day, ASKED_TIME)

  yield* DayPage.opening(askedAt)
  const rejections: Array<OrderRejection> = []
  const races: Array<ReadonlyArray<DayRace.Runner>> = []
  for (const { order, requests, time } of SCENES) {
    const [first, second] = requests
    const occurredAt = ShopTime.at(day, time)
    const id = idOf(order)
    if (second === undefined) {
      const answer = yield* ask(id, first, occurredAt)
      if (Result.isFailure(answer)) rejections.push(answer.failure)
      yield* DayPage.scene(occurredAt, id, first, answer)
    } else {
      const runners = yield* DayRace.run(id, [first, second], occurredAt)
      races.push(runners)
      yield* DayPage.race(occurredAt, id, runners)
    }
  }

  const before = yield* orders.load(idOf("ada"), { occurredAt: askedAt })
  const now = yield* orders.load(idOf("ada"))
  const addresses = DayAnswers.addresses(yield* DayAnswers.timeline(idOf("grace")))
  const timeline = yield* DayAnswers.timeline(idOf("ada"))
  const removals = DayAnswers.removals(timeline)
  yield* DayPage.closing
  yield* DayPage.orderAt(idOf("ada"), askedAt, before)
  yield* DayPage.orderNow(idOf("ada"), now)
  yield* DayPage.addresses("grace", addresses)
  yield* DayPage.removals(idOf("ada"), removals)
  yield* DayPage.timeline(idOf("ada"), timeline)
  return { till, rejections, races, before, now, addresses, removals, timeline }
})

/**
 * Executes a request. A rejection is an answer like any other; only a failing store stops the day.
 */
const ask = Effect.fnUntraced(function* (
  id: string,
  { clerk, command }: Request,
  occurredAt: DateTime.Utc
) {
  const orders = yield* Orders
  const answers = yield* orders
    .execute(id, [{ command, occurredAt }])
    .pipe(Effect.provideService(CurrentMetadata, { actor: clerk }))
  return yield* DayAnswers.answered(id, answers)
})

/** The letters of names: no vowels, so that no name spells a word. */
const LETTERS = "bcdfghjklmnpqrstvwxz"

const drawName = Effect.map(
  Effect.replicateEffect(Random.nextIntBetween(0, LETTERS.length - 1), 4),
  (drawn) => drawn.map((index) => LETTERS.charAt(index)).join("")
)
