/**
 * A proxy to a server that can be slow, pass nothing, and be cut.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Net from "node:net"

export interface Proxy {
  readonly url: Redacted.Redacted
  /** Delays everything by this much from now on. */
  readonly delay: (millis: number) => void
  /** Stops all traffic until it is resumed. */
  readonly stall: () => void
  readonly resume: () => void
  /** Cuts all connections. */
  readonly reset: () => void
}

export const start = Effect.fnUntraced(function* (server: Redacted.Redacted) {
  const target = new URL(Redacted.value(server))
  const sockets = new Set<Net.Socket>()
  let delayMillis = 0
  let stalled = false
  /** The traffic that arrives while nothing passes, in its order. */
  const held: Array<() => void> = []

  const forward = (from: Net.Socket, to: Net.Socket) => {
    const pass = (send: () => void) => {
      // Timers of one length fire in the order in which they were set; shorter ones must not
      // overtake longer ones.
      if (delayMillis > 0) setTimeout(() => (stalled ? held.push(send) : send()), delayMillis)
      else if (stalled) held.push(send)
      else send()
    }
    let last = Promise.resolve()
    from.on("data", (bytes) => {
      const before = last
      last = new Promise((done) => {
        pass(() => {
          void before.then(() => {
            if (!to.destroyed) to.write(bytes)
            done()
          })
        })
      })
    })
    from.on("error", () => to.destroy())
    from.on("close", () => {
      sockets.delete(from)
      to.destroy()
    })
  }

  const reset = () => {
    held.length = 0
    for (const socket of sockets) socket.resetAndDestroy()
  }

  const listener = Net.createServer((client) => {
    const onward = Net.connect(Number(target.port), target.hostname)
    sockets.add(client).add(onward)
    forward(client, onward)
    forward(onward, client)
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      listener.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.sync(() => {
        listener.close()
        reset()
      })
  )
  const address = listener.address()
  if (address === null || typeof address === "string") return yield* Effect.die("no port")
  const url = new URL(target)
  url.port = String(address.port)
  const proxy: Proxy = {
    url: Redacted.make(url.href),
    delay: (millis) => {
      delayMillis = millis
    },
    stall: () => {
      stalled = true
    },
    resume: () => {
      stalled = false
      for (const send of held.splice(0)) send()
    },
    reset
  }
  return proxy
})
