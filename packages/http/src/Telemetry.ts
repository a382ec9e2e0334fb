/**
 * The logs, metrics and traces of a host, for the tools of its operators.
 *
 * | Variable                      |                                                           |
 * | ----------------------------- | --------------------------------------------------------- |
 * | `LOG_FORMAT`                  | `json` or `text`; when absent, `text` on a terminal alone |
 * | `LOG_LEVEL`                   | the lowest level of logs, such as `Debug`; `Info`         |
 * | `OTEL_EXPORTER_OTLP_ENDPOINT` | exports logs, metrics and traces to it                    |
 * | `OTEL_SERVICE_NAME`           | the name of the host in them; `daybook`                   |
 *
 * The other variables of OpenTelemetry have the meaning of its specification.
 *
 * A request with an `X-Correlation-Id` has it in its logs (`annotations.correlationId`), its span
 * (`daybook.correlation_id`) and its events.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Formatter from "effect/Formatter"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpMiddleware from "effect/http/HttpMiddleware"
import type { HttpRouter } from "effect/http/HttpRouter"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type { Flusher } from "effect/observability/OtlpExporter"
import * as Otlp from "effect/observability/Otlp"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as Option from "effect/Option"
import { MinimumLogLevel } from "effect/References"
import { ParentSpan } from "effect/Tracer"
import { METRICS, OPERATOR_ROUTES } from "./internal/operatorRoutes.ts"

/**
 * Serves `/metrics` in the text format of Prometheus: pass it to the `routes` of `NodeHost`.
 *
 * **Details**
 * It asks for no credential, and a stranger would learn the names of categories and read models and
 * the numbers of commands. Keep it from strangers by the proxy before the host.
 *
 * @category layers
 * @since 0.1.0
 */
export const metrics: Layer.Layer<never, never, HttpRouter> = PrometheusMetrics.layerHttp({
  path: METRICS
})

/**
 * Writes a line as JSON, with the ids of the trace and span that it belongs to.
 *
 * @category loggers
 * @since 0.1.0
 */
export const json: Logger.Logger<unknown, void> = Logger.withConsoleLog(
  Logger.make((options) => {
    const span = Context.getOrUndefined(options.fiber.context, ParentSpan)
    return Formatter.formatJson({
      ...Logger.formatStructured.log(options),
      ...(span === undefined ? {} : { traceId: span.traceId, spanId: span.spanId })
    })
  })
)

/**
 * Writes logs as lines of JSON, or as text on a terminal, by `LOG_FORMAT` and `LOG_LEVEL`.
 *
 * @category layers
 * @since 0.1.0
 */
export const logs: Layer.Layer<never, Config.ConfigError> = Layer.merge(
  Layer.unwrap(
    Effect.map(Config.option(Config.Literals(["json", "text"], "LOG_FORMAT")), (given) =>
      Option.getOrElse(given, () => (isTerminal() ? "text" : "json")) === "json"
        ? Logger.layer([json])
        : Layer.empty
    )
  ),
  Layer.effect(MinimumLogLevel, Config.LogLevel("LOG_LEVEL").pipe(Config.withDefault("Info")))
)

/**
 * Exports logs, metrics and traces by OTLP (HTTP, JSON) if an endpoint is configured.
 *
 * **Details**
 * Each kind is exported unless its variable, such as `OTEL_TRACES_EXPORTER`, says `none`.
 *
 * @category layers
 * @since 0.1.0
 */
export const exporter: Layer.Layer<Flusher, Config.ConfigError> = Otlp.layerFromConfig().pipe(
  Layer.provide(Layer.merge(FetchHttpClient.layer, OtlpSerialization.layerJson)),
  Layer.provide(ConfigProvider.layerAdd(Effect.suspend(() => defaults)))
)

/**
 * Is {@link logs} and {@link exporter}: provide it to a whole host. Probes and scrapes leave no
 * traces.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Flusher, Config.ConfigError> = Layer.merge(
  exporter,
  HttpMiddleware.layerTracerDisabledForUrls([...OPERATOR_ROUTES])
).pipe(Layer.provideMerge(logs))

/** The defaults of OpenTelemetry, which the exporter leaves to its configuration. */
const defaults = Effect.map(
  Config.option(Config.String("OTEL_RESOURCE_ATTRIBUTES")),
  (attributes) =>
    ConfigProvider.fromUnknown({
      OTEL_LOGS_EXPORTER: "otlp",
      OTEL_METRICS_EXPORTER: "otlp",
      OTEL_TRACES_EXPORTER: "otlp",
      // It would take precedence over the name among the attributes.
      ...(Option.exists(attributes, (text) => text.includes("service.name="))
        ? {}
        : { OTEL_SERVICE_NAME: "daybook" })
    })
)

const isTerminal = (): boolean => "process" in globalThis && globalThis.process.stdout.isTTY
