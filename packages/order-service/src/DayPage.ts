/**
 * Prints the day.
 *
 * @since 0.1.0
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { OrderState } from "@daybook/order/OrderState"
import type { Loaded } from "@daybook/store/CommandHandler"
import * as Console from "effect/Console"
import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as DayAnswers from "./DayAnswers.ts"
import type * as DayRace from "./DayRace.ts"
import type { Request } from "./DayScript.ts"
import * as Output from "./Output.ts"
import * as Sentences from "./Sentences.ts"
import * as ShopTime from "./ShopTime.ts"

const print = (lines: ReadonlyArray<string>) =>
  Effect.forEach(lines, (line) => Console.log(line.trimEnd()), { discard: true })

const CLERK = 5
const ORDER = 10
const MARGIN = " ".repeat("00:00  ".length + ORDER + "  ".length)

/**
 * Prints the title and the subject of the page.
 *
 * @category operations
 * @since 0.1.0
 */
export const opening = Effect.fnUntraced(function* (day: DateTime.Utc) {
  const style = yield* Output.style
  yield* print([
    "",
    style.bold(`A day in a shop: ${ShopTime.date(day)}`),
    style.dim("Each request is decided on what the log says, and only events are recorded."),
    ""
  ])
})

/**
 * Prints one request and its outcome.
 *
 * @category operations
 * @since 0.1.0
 */
export const scene = Effect.fnUntraced(function* (
  at: DateTime.Utc,
  order: string,
  { clerk, command }: Request,
  answer: DayAnswers.Answered
) {
  const style = yield* Output.style
  const who = `${style.cyan(Output.pad(order, ORDER))}  ${Output.pad(clerk, CLERK)}`
  yield* print([
    `${style.dim(ShopTime.time(at))}  ${who} ${Sentences.command(command)}`,
    `${MARGIN}${outcome(style, answer)}`
  ])
})

const outcome = (style: Output.Style, answer: DayAnswers.Answered): string => {
  if (Result.isFailure(answer)) {
    const { _tag, message } = answer.failure
    return `${style.red(`refused, ${_tag}`)}: ${message}`
  }
  const { events, revision, state } = answer.success
  return events === 0
    ? style.yellow("nothing to record: it is so already")
    : `${style.green(`revision ${revision}`)}: ${style.dim(Sentences.summary(state))}`
}

/**
 * Prints two concurrent requests: the winner, and the conflicts of the other.
 *
 * @category operations
 * @since 0.1.0
 */
export const race = Effect.fnUntraced(function* (
  at: DateTime.Utc,
  order: string,
  runners: ReadonlyArray<DayRace.Runner>
) {
  const style = yield* Output.style
  const clerks = runners.map(({ request }) => request.clerk).join(" and ")
  yield* print([
    `${style.dim(ShopTime.time(at))}  ${style.cyan(Output.pad(order, ORDER))}  ${style.bold(`${clerks} look at it at the same time`)}`,
    ...runners.flatMap(({ answer, lost, request: { clerk, command } }) => [
      `${MARGIN}${Output.pad(clerk, CLERK)} ${Sentences.command(command)}`,
      ...lost.map(
        ({ actual, between }) =>
          `${MARGIN}  ${style.yellow("lost")}: the order had moved on to revision ${actual} (${between.map(nameOf).join(", ")}); decides again`
      ),
      `${MARGIN}  ${lost.length === 0 ? `${style.green("won")}: ` : ""}${outcome(style, answer)}`
    ])
  ])
})

const nameOf = ({ metadata, type }: RecordedEvent): string =>
  metadata.actor === undefined ? type : `${type} by ${metadata.actor}`

const question = Effect.fnUntraced(function* (text: string, answer: ReadonlyArray<string>) {
  const style = yield* Output.style
  yield* print(["", style.bold(text), ...answer.map((line) => `  ${line}`)])
})

/**
 * Prints the line between the day and the questions.
 *
 * @category operations
 * @since 0.1.0
 */
export const closing = Effect.flatMap(Output.style, (style) =>
  print([
    "",
    style.dim("Evening. A table of current rows could answer one of these; the log answers all.")
  ])
)

/**
 * Prints the order as it was.
 *
 * @category operations
 * @since 0.1.0
 */
export const orderAt = (order: string, at: DateTime.Utc, found: Loaded<OrderState>) =>
  question(`What did ${order} look like at ${ShopTime.time(at)}?`, [
    `${Sentences.summary(found.state)}, at revision ${found.revision}`,
    ...Sentences.page(found.state)
  ])

/**
 * Prints the order as it is.
 *
 * @category operations
 * @since 0.1.0
 */
export const orderNow = (order: string, found: Loaded<OrderState>) =>
  question(`What is ${order} now?`, [
    `${Sentences.summary(found.state)}, at revision ${found.revision}`,
    ...Sentences.page(found.state)
  ])

/**
 * Prints the addresses and the number of changes.
 *
 * @category operations
 * @since 0.1.0
 */
export const addresses = (customer: string, found: ReturnType<typeof DayAnswers.addresses>) =>
  question(`How many times did ${customer} change the address?`, [
    Output.count(found.filter(({ isChange }) => isChange).length, "time"),
    ...found.map(
      ({ event, isChange, occurredAt }) =>
        `${ShopTime.time(occurredAt)}  ${isChange ? "changed" : "first  "}  ${Sentences.event(event)}`
    )
  ])

/**
 * Prints the removals with their reasons.
 *
 * @category operations
 * @since 0.1.0
 */
export const removals = (order: string, found: ReturnType<typeof DayAnswers.removals>) =>
  question(
    `Why were things taken off ${order}?`,
    found.map(
      ({ event, recorded }) =>
        `${ShopTime.time(recorded.occurredAt)}  ${Sentences.event(event)} (${recorded.metadata.actor ?? "unknown"})`
    )
  )

/**
 * Prints every event of the order, with the order's value after it.
 *
 * @category operations
 * @since 0.1.0
 */
export const timeline = (order: string, entries: ReadonlyArray<DayAnswers.Entry>) =>
  question(
    `What happened to ${order}?`,
    Output.table(
      [
        { title: "rev", align: "right" },
        { title: "time" },
        { title: "clerk" },
        { title: "event" },
        { title: "order after it", align: "right" }
      ],
      entries.map(({ event, recorded, state }) => [
        String(recorded.revision),
        ShopTime.time(recorded.occurredAt),
        recorded.metadata.actor ?? "",
        Sentences.event(event),
        Sentences.total(state)
      ])
    )
  )
