/**
 * A proxy to a server that can be cut: its connections then stay open and pass nothing.
 */
import * as Effect from "effect/Effect"
import * as Net from "node:net"

export const startProxy = Effect.gen(function* () {
  const sockets = new Set<Net.Socket>()
  let target = 0
  let isCut = false
  const proxy = Net.createServer((client) => {
    const server = Net.connect(target, "127.0.0.1")
    for (const [from, to] of [
      [client, server],
      [server, client]
    ] as const) {
      sockets.add(from)
      from.on("data", (bytes) => {
        if (!isCut) to.write(bytes)
      })
      from.on("error", () => to.destroy())
      from.on("close", () => {
        sockets.delete(from)
        to.destroy()
      })
    }
  })
  const end = () => {
    for (const socket of sockets) socket.destroy()
  }
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      proxy.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.callback<void>((resume) => {
        proxy.close(() => resume(Effect.void))
        end()
      })
  )
  const address = proxy.address()
  return {
    port: address !== null && typeof address === "object" ? address.port : 0,
    /** Sends connections to this port of loopback from now on. */
    to: (port: number) => {
      target = port
    },
    /** Passes nothing from now on, and tells neither side. */
    cut: () => {
      isCut = true
    },
    /** Ends the connections that were cut, and passes new ones. */
    mend: () => {
      isCut = false
      end()
    }
  }
})
