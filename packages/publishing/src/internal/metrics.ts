/**
 * The metrics of brokers and inboxes.
 */
import * as Metric from "effect/Metric"

export const acknowledged = Metric.counter("daybook_broker_messages_total", {
  description: "Messages that a broker acknowledged, repetitions included, by broker",
  incremental: true
})

export const failures = Metric.counter("daybook_broker_failures_total", {
  description: "Requests with messages that failed or were refused, by broker",
  incremental: true
})

export const handled = Metric.counter("daybook_inbox_messages_total", {
  description: "Messages that an inbox handled, repetitions included, by inbox",
  incremental: true
})

export const rejected = Metric.counter("daybook_inbox_rejections_total", {
  description: "Commands of messages that their decider rejected, by inbox",
  incremental: true
})
