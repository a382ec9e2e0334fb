import * as AggregateApi from "@daybook/http/AggregateApi"
import * as Host from "@daybook/http/Host"
import * as Telemetry from "@daybook/http/Telemetry"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import { CurrentLogAnnotations, MinimumLogLevel } from "effect/References"
import * as TestClock from "effect/testing/TestClock"
import * as TestConsole from "effect/testing/TestConsole"
import { createServer } from "node:http"
import { answering } from "./answering.ts"
import { Away, book, Command } from "./library.ts"
import { memory } from "./serve.ts"

const books = AggregateApi.make(book, { name: "books", command: Command, rejection: Away })
const api = HttpApi.make("library").add(books.group)

const fault = HttpRouter.add("GET", "/fault", Effect.die(new Error("a fault")))
const slow = HttpRouter.add(
  "GET",
  "/slow/:id",
  Effect.as(Effect.sleep("300 millis"), HttpServerResponse.text("late"))
)

const library = answering(
  Layer.mergeAll(Host.layer(api, [books]), Telemetry.metrics, fault, slow).pipe(
    Layer.provide(memory)
  )
)

const lend = (headers: Record<string, string> = {}) => ({
  method: "POST",
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify({ _tag: "Lend", to: "Ada" })
})

/** Gives an effect metrics of its own. */
const apart = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => Effect.provideService(effect, Metric.MetricRegistry, new Map()))

/** The counts of requests by method, route and status. */
const requests = Effect.map(Metric.snapshot, (metrics) =>
  Object.fromEntries(
    metrics.flatMap((metric) =>
      metric.id === "daybook_http_request_seconds" && metric.type === "Histogram"
        ? [[Object.values(metric.attributes ?? {}).join(" "), metric.state.count]]
        : []
    )
  )
)

const isFault = (line: { readonly message: unknown }) => String(line.message).includes("failed")

/** Collects the lines of a log. */
const collecting = () => {
  const lines: Array<{ message: unknown; annotations: Record<string, unknown> }> = []
  const logger = Logger.make(({ fiber, message }) => {
    lines.push({ message, annotations: { ...fiber.getRef(CurrentLogAnnotations) } })
  })
  return { lines, layer: Logger.layer([logger]) }
}

describe("the metrics of requests", () => {
  it.effect("count by route, whatever the path, and by the class of the status", () =>
    Effect.gen(function* () {
      const get = yield* library
      assert.strictEqual((yield* get("/books/1/commands", lend())).status, 200)
      assert.strictEqual((yield* get("/books/2/commands", lend())).status, 200)
      assert.strictEqual((yield* get("/books/2/commands", lend())).status, 409)
      assert.strictEqual((yield* get("/books/1")).status, 200)
      assert.strictEqual((yield* get("/books/3")).status, 404)
      assert.strictEqual((yield* get("/fault")).status, 500)
      assert.strictEqual((yield* get("/nothing/1")).status, 404)
      assert.strictEqual((yield* get("/nothing/2", { method: "BREW" })).status, 404)
      assert.deepStrictEqual(yield* requests, {
        "POST /books/:id/commands 2xx": 2,
        "POST /books/:id/commands 4xx": 1,
        "GET /books/:id 2xx": 1,
        "GET /books/:id 4xx": 1,
        "GET /fault 5xx": 1,
        "any none 4xx": 2
      })
    }).pipe(apart, Effect.provide(Logger.layer([])))
  )

  it.effect("measure until the answer begins, and count callers that leave", () =>
    Effect.gen(function* () {
      const get = yield* library
      const answered = yield* Effect.forkChild(get("/slow/1"))
      const left = yield* Effect.forkChild(get("/slow/2"))
      yield* TestClock.adjust("250 millis")
      yield* Fiber.interrupt(left)
      yield* TestClock.adjust("50 millis")
      yield* Fiber.join(answered)
      assert.deepStrictEqual(yield* requests, {
        "GET /slow/:id 2xx": 1,
        "GET /slow/:id aborted": 1
      })
      const { text } = yield* get("/metrics")
      const labels = 'method="GET",route="/slow/:id",status="2xx"'
      assert.include(text, `daybook_http_request_seconds_bucket{${labels},le="0.25"} 0`)
      assert.include(text, `daybook_http_request_seconds_bucket{${labels},le="0.5"} 1`)
      assert.include(text, `daybook_http_request_seconds_sum{${labels}} 0.3`)
    }).pipe(apart)
  )

  it.effect("are served as text of Prometheus", () =>
    Effect.gen(function* () {
      const get = yield* library
      yield* get("/books/1/commands", lend())
      const { headers, status, text } = yield* get("/metrics")
      assert.strictEqual(status, 200)
      assert.strictEqual(headers["content-type"], "text/plain; version=0.0.4; charset=utf-8")
      assert.include(text, '# TYPE daybook_commands counter\ndaybook_commands{category="book"')
      assert.include(text, 'daybook_append_seconds_count{store="memory"} 1')
    }).pipe(apart)
  )
})

describe("the logs of requests", () => {
  it.effect("have the correlation id of the request", () =>
    Effect.gen(function* () {
      const { layer, lines } = collecting()
      yield* Effect.gen(function* () {
        const get = yield* library
        yield* get("/fault", { headers: { "x-correlation-id": "visit-7" } })
        yield* get("/fault", { headers: { "x-correlation-id": "\u00e9" } })
        yield* get("/fault")
      }).pipe(Effect.provide(layer))
      assert.deepStrictEqual(
        lines.filter(isFault).map(({ annotations }) => annotations),
        [{ correlationId: "visit-7" }, {}, {}]
      )
    })
  )

  it.effect("lead to the span of the request by the same id", () =>
    Effect.gen(function* () {
      const get = yield* library
      const attributes = get("/books/1", { headers: { "x-correlation-id": "visit-7" } }).pipe(
        Effect.andThen(Effect.currentSpan),
        Effect.map((span) => span.attributes.get("daybook.correlation_id")),
        Effect.withSpan("request")
      )
      assert.strictEqual(yield* attributes, "visit-7")
    })
  )

  it.effect("are a line for each request at the level of debugging only", () =>
    Effect.gen(function* () {
      const { layer, lines } = collecting()
      const visit = Effect.flatMap(library, (get) => get("/books/1")).pipe(Effect.provide(layer))
      yield* visit
      assert.deepStrictEqual(lines, [])
      yield* Effect.provideService(visit, MinimumLogLevel, "Debug")
      assert.deepStrictEqual(lines, [
        {
          message: [
            "Answered a request",
            { method: "GET", route: "/books/:id", status: 404, seconds: 0 }
          ],
          annotations: {}
        }
      ])
    })
  )
})

/** Builds a layer from variables of the environment. */
const configured = (variables: Record<string, string>) =>
  Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(variables)))

describe("telemetry", () => {
  it.effect("writes logs as lines of JSON where no terminal is", () =>
    Effect.gen(function* () {
      yield* Effect.logInfo("lent").pipe(
        Effect.annotateLogs({ correlationId: "visit-7" }),
        Effect.withSpan("loan"),
        Effect.andThen(Effect.logDebug("not told")),
        Effect.provide(Telemetry.logs.pipe(configured({ LOG_FORMAT: "json" })))
      )
      const lines = yield* TestConsole.logLines
      assert.lengthOf(lines, 1)
      const { spanId, traceId, ...line } = JSON.parse(String(lines[0])) as Record<string, unknown>
      assert.match(String(traceId), /^[0-9a-f]{32}$/)
      assert.match(String(spanId), /^[0-9a-f]{16}$/)
      assert.propertyVal(line, "message", "lent")
      assert.propertyVal(line, "level", "INFO")
      assert.deepStrictEqual(line["annotations"], { correlationId: "visit-7" })
    }).pipe(Effect.provide(TestConsole.layer))
  )

  it.effect("takes the format and the level of logs from the environment", () =>
    Effect.gen(function* () {
      const log = Effect.logDebug("told")
      yield* Effect.provide(
        log,
        Telemetry.logs.pipe(configured({ LOG_FORMAT: "text", LOG_LEVEL: "Debug" }))
      )
      assert.match((yield* TestConsole.logLines).map(String).join("\n"), /DEBUG[^]*told/)
      const wrong = yield* Effect.flip(
        Effect.provide(log, Telemetry.logs.pipe(configured({ LOG_FORMAT: "xml" })))
      )
      assert.include(wrong.message, "LOG_FORMAT")
    }).pipe(Effect.provide(TestConsole.layer))
  )

  it.live("exports by OTLP if it has an endpoint", () =>
    Effect.gen(function* () {
      const { bodies, url } = yield* collector
      const work = Effect.logInfo("lent").pipe(
        Effect.withSpan("loan"),
        Effect.andThen(Metric.update(Metric.counter("loans"), 1))
      )
      const run = (variables: Record<string, string>) =>
        work.pipe(
          Effect.provide(Telemetry.layer.pipe(configured({ LOG_FORMAT: "json", ...variables }))),
          Effect.provide(TestConsole.layer),
          apart
        )
      yield* run({})
      assert.strictEqual(bodies.size, 0)
      yield* run({ OTEL_EXPORTER_OTLP_ENDPOINT: url })
      assert.deepStrictEqual([...bodies.keys()].toSorted(), [
        "/v1/logs",
        "/v1/metrics",
        "/v1/traces"
      ])
      assert.include(bodies.get("/v1/traces"), '"loan"')
      assert.include(bodies.get("/v1/logs"), '"lent"')
      assert.include(bodies.get("/v1/metrics"), '"loans"')
      assert.include(bodies.get("/v1/traces"), '"daybook"')
      bodies.clear()
      yield* run({
        OTEL_EXPORTER_OTLP_ENDPOINT: url,
        OTEL_TRACES_EXPORTER: "none",
        OTEL_RESOURCE_ATTRIBUTES: "service.name=shop"
      })
      assert.deepStrictEqual([...bodies.keys()].toSorted(), ["/v1/logs", "/v1/metrics"])
      assert.include(bodies.get("/v1/logs"), '"shop"')
      assert.notInclude(bodies.get("/v1/logs"), '"daybook"')
    })
  )
})

/** A collector that keeps the bodies by their path. */
const collector = Effect.acquireRelease(
  Effect.promise(async () => {
    const bodies = new Map<string, string>()
    const server = createServer((request, response) => {
      let body = ""
      request.setEncoding("utf8")
      request.on("data", (data: string) => (body += data))
      request.on("end", () => {
        bodies.set(request.url ?? "", body)
        response.setHeader("connection", "close")
        response.end("{}")
      })
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    return { bodies, server, url: `http://127.0.0.1:${port}` }
  }),
  ({ server }) => Effect.promise(() => new Promise((resolve) => server.close(resolve)))
)
