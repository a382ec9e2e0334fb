/**
 * The processes of the shop: payments and reminders, the mails that follow from them, and the
 * messages for other systems.
 *
 * @since 0.1.0
 */
import type { ProcessManager, Targets } from "@daybook/kernel/ProcessManager"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import * as DraftReminder from "@daybook/order/DraftReminder"
import * as PaymentProcess from "@daybook/order/PaymentProcess"
import type { ConsumerGroup } from "@daybook/reactors/ConsumerGroup"
import * as ProcessRunner from "@daybook/reactors/ProcessRunner"
import * as Reactor from "@daybook/reactors/Reactor"
import { Reactors } from "@daybook/reactors/Reactors"
import { EventStore } from "@daybook/store/EventStore"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as OrderMessages from "./OrderMessages.ts"

/**
 * The options of the shop's processes.
 *
 * @category types
 * @since 0.1.0
 */
export interface Options {
  /**
   * The place after which they follow the log when they run for the first time; the end of the log
   * unless told. Later they go on where they were.
   */
  readonly from?: NonNullable<ConsumerGroup["from"]> | undefined
}

/**
 * The age from which an event is history when it is recorded.
 *
 * @category limits
 * @since 0.1.0
 */
export const HISTORY = "30 days"

/**
 * Returns true for an event that happened long before it was recorded, as those of an import did:
 * the process of its order ended elsewhere, and must not cancel the order now.
 *
 * @category guards
 * @since 0.1.0
 */
export const isHistory = ({ occurredAt, recordedAt }: RecordedEvent): boolean =>
  DateTime.toEpochMillis(recordedAt) - DateTime.toEpochMillis(occurredAt) >=
  Duration.toMillis(HISTORY)

const withoutHistory = <Event, State, Own, Of extends Targets, Timer extends string>(
  process: ProcessManager<Event, State, Own, Of, Timer>
): ProcessManager<Event, State, Own, Of, Timer> => ({
  ...process,
  correlate: (event, recorded) =>
    isHistory(recorded) ? "ignore" : process.correlate(event, recorded)
})

const payments = withoutHistory(PaymentProcess.process)
const reminders = withoutHistory(DraftReminder.process)

/**
 * The consumer groups of the payments and the reminders.
 *
 * @category constants
 * @since 0.1.0
 */
export const groups: ReadonlyArray<string> = [payments, reminders].flatMap((process) =>
  Object.values(ProcessRunner.groupNames(process))
)

/**
 * Runs the payments and the reminders.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerManagers = (options: Options = {}) =>
  following(options, (from) =>
    Layer.merge(
      ProcessRunner.layer(payments, { from, onFailure: "park" }),
      ProcessRunner.layer(reminders, { from, onFailure: "park" })
    )
  )

/**
 * Runs the payments and the reminders, sends their mails, and publishes what happens to orders if
 * the environment names a broker, see {@link OrderMessages}.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}) =>
  Layer.merge(
    layerManagers(options),
    following(options, (from) =>
      Layer.unwrap(
        Effect.map(OrderMessages.broker, (broker) =>
          Option.match(broker, {
            onNone: () => Reactors.layer([mails(from)]),
            onSome: (connected) =>
              Reactors.layer([mails(from), OrderMessages.publisher(from)]).pipe(
                Layer.provide(connected)
              )
          })
        )
      )
    )
  )

type Place = NonNullable<Options["from"]>

/** Settles the place at once: "now" would be the time at which a group has begun. */
const following = <A, E, R>({ from }: Options, layerFrom: (from: Place) => Layer.Layer<A, E, R>) =>
  Layer.unwrap(
    from === undefined
      ? EventStore.use(({ head }) => Effect.map(head, layerFrom))
      : Effect.succeed(layerFrom(from))
  )

/**
 * Mails customers and the warehouse; a line of the log stands for the mail. A system that sends
 * mails would recognise a repetition by the effect key.
 */
const mails = (from: Place) =>
  Reactor.make({
    name: "mails",
    from,
    sources: [PaymentProcess.process.aggregate, DraftReminder.process.aggregate],
    types: ["OrderReleased", "ReminderDue"],
    react: (event, { effectKey, recorded }) => {
      const order = StreamId.id(recorded.streamId)
      const mail = (text: string) =>
        Effect.logInfo(text).pipe(Effect.annotateLogs({ effectKey, order }))
      switch (event._tag) {
        case "OrderReleased":
          return mail(`Mail to the warehouse: order ${order} is paid, ship it`)
        case "ReminderDue":
          return mail(`Mail to ${event.customerId}: your order ${order} waits to be confirmed`)
        default:
          return Effect.void
      }
    },
    onFailure: "park"
  })
