/**
 * Generates requests of the endpoints of an API from their schemas: valid ones, and such that are
 * wrong in one place.
 */
import * as Arr from "effect/Array"
import * as Schema from "effect/Schema"
import * as Arbitrary from "effect/Arbitrary"
import type * as HttpApi from "effect/http-api/HttpApi"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import type * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import { ORIGIN } from "./serve.ts"

/** A request as data, so that a failure prints it. */
export interface Generated {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export const requestOf = ({ body, headers, method, url }: Generated): Request => {
  const request = new Request(ORIGIN + url, { method, ...(body === undefined ? {} : { body }) })
  for (const [name, value] of Object.entries(headers)) {
    try {
      request.headers.set(name, value)
    } catch {
      // No client can send it.
    }
  }
  return request
}

const HOSTILE = [
  "",
  " ",
  "\u0000",
  "\r\nset-cookie: stolen=1",
  "\ud800",
  "\u202e",
  "..",
  "../../etc/passwd",
  "%2e%2e%2f%00",
  "%",
  "%zz",
  "a/b?c#d",
  "' OR 1=1; DROP TABLE events; --",
  "__proto__",
  "constructor",
  "-1",
  "1e999",
  "NaN",
  "0x10",
  "9".repeat(19),
  "9".repeat(400),
  "+275760-09-13T00:00:00.001Z",
  "💥".repeat(60),
  "{}",
  "[]",
  'W/"1"',
  "null"
] as const

const twists = Schema.Struct({
  slot: Schema.Literals(["none", "params", "query", "headers", "body", "text"]),
  text: Schema.Union([Schema.Literals(HOSTILE), Schema.String]),
  json: Schema.Json,
  isKnown: Schema.Boolean,
  place: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 }))
})

/**
 * Returns the requests of each endpoint, by its name. Half of them name what `known` says: generated
 * names are of nothing that exists.
 */
export const requestsOf = <Id extends string, Groups extends HttpApiGroup.Constraint>(
  api: HttpApi.HttpApi<Id, Groups>,
  known: Readonly<Record<string, string>>
): ReadonlyArray<readonly [string, Arbitrary.Arbitrary<Generated>]> =>
  Object.values<HttpApiGroup.Constraint>(api.groups).flatMap(({ endpoints, identifier }) =>
    Object.values(endpoints as Record<string, HttpApiEndpoint.Top>).map(
      (endpoint) => [`${identifier}.${endpoint.identifier}`, generated(endpoint, known)] as const
    )
  )

const generated = (
  endpoint: HttpApiEndpoint.Top,
  known: Readonly<Record<string, string>>
): Arbitrary.Arbitrary<Generated> => {
  const payload = [...endpoint.payload.values()][0]?.schemas[0]
  return Arbitrary.map(
    Arbitrary.all({
      params: valid(endpoint.params),
      query: valid(endpoint.query),
      headers: valid(endpoint.headers),
      body: valid(payload),
      twist: Arbitrary.schema(twists)
    }),
    ({ body, headers, params, query, twist }) => {
      const at = (slot: typeof twist.slot, fields: object) =>
        twist.slot === slot ? twisted(fields, twist.place, twist.text) : fields
      const path = endpoint.path.replaceAll(/:(\w+)/g, (_, name: string) =>
        encoded(
          String(
            (
              at("params", twist.isKnown ? { ...params, ...known } : params) as Record<
                string,
                unknown
              >
            )[name]
          )
        )
      )
      const search = Object.entries(at("query", query))
        .flatMap(([name, value]) =>
          (Array.isArray(value) ? value : [value]).map(
            (one: unknown) => `${encoded(name)}=${encoded(String(one))}`
          )
        )
        .join("&")
      const sent: Record<string, string> = { "content-type": "application/json" }
      for (const [name, value] of Object.entries(at("headers", headers))) {
        sent[name] = String(value)
      }
      return {
        method: endpoint.method,
        url: search === "" ? path : `${path}?${search}`,
        // It waits for nothing: a position far ahead is never reached.
        headers:
          "prefer" in headers || endpoint.identifier === "rows"
            ? { ...sent, prefer: "wait=0" }
            : sent,
        ...(payload === undefined
          ? {}
          : {
              body:
                twist.slot === "text"
                  ? twist.text
                  : JSON.stringify(
                      twist.slot === "body" ? wrong(body, twist.place, twist.json) : body
                    )
            })
      }
    }
  )
}

const valid = (schema: Schema.Top | undefined): Arbitrary.Arbitrary<object> => {
  if (schema === undefined) return Arbitrary.Constant({})
  // The schemas of an endpoint need no services here.
  const codec = schema as Schema.Codec<object, object>
  return Arbitrary.map(Arbitrary.schema(Schema.toType(codec)), Schema.encodeSync(codec))
}

/** Puts a text in the place of a field. */
const twisted = (fields: object, place: number, text: string): object => {
  const names = Object.keys(fields)
  const name = names[place % Math.max(1, names.length)]
  return { ...fields, [name ?? "unknown"]: text }
}

const wrong = (body: object, place: number, json: Schema.Json): unknown =>
  place === 0 ? json : twisted(body, place, json as string)

/** Percent-encodes a text, lone surrogates included. */
const encoded = (text: string): string =>
  Arr.fromIterable(new TextEncoder().encode(text))
    .map((byte) => `%${byte.toString(16).padStart(2, "0")}`)
    .join("")
