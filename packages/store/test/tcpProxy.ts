/**
 * A proxy to a server that can go dead: connections through it stay open and pass nothing.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Net from "node:net"

interface Pair {
  readonly client: Net.Socket
  readonly server: Net.Socket
}

export const startProxy = Effect.fnUntraced(function* (url: Redacted.Redacted) {
  const target = new URL(Redacted.value(url))
  const pairs = new Set<Pair>()
  const proxy = Net.createServer((client) => {
    const server = Net.connect(Number(target.port), target.hostname)
    const pair = { client, server }
    pairs.add(pair)
    for (const [from, to] of [
      [client, server],
      [server, client]
    ] as const) {
      from.on("data", (bytes) => to.write(bytes))
      from.on("error", () => to.destroy())
      from.on("close", () => {
        pairs.delete(pair)
        to.destroy()
      })
    }
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      proxy.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.callback<void>((resume) => {
        proxy.close(() => resume(Effect.void))
        for (const { client, server } of pairs) {
          client.destroy()
          server.destroy()
        }
      })
  )
  const address = proxy.address()
  return {
    port: address !== null && typeof address === "object" ? address.port : 0,
    /** Open connections pass nothing from now on, in either direction. */
    stall: () => {
      for (const { client, server } of pairs) {
        client.removeAllListeners("data").resume()
        server.removeAllListeners("data").resume()
      }
    }
  }
})
