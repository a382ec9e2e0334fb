/**
 * A proxy to a server that can be slow, pass nothing, and be cut.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Net from "node:net"

/** The faults of a proxy. */
interface Faults {
  /** Delays everything by this much from now on. */
  readonly delay: (millis: number) => void
  /** Stops all traffic until it is resumed. */
  readonly stall: () => void
  readonly resume: () => void
  /** Cuts all connections. */
  readonly reset: () => void
}

export interface Proxy extends Faults {
  readonly url: Redacted.Redacted
}

interface Unaimed extends Faults {
  readonly port: number
  /** Sends connections to this port from now on. */
  readonly aim: (port: number, host?: string) => void
}

/** Starts a proxy to the server of a URL. */
export const start = Effect.fnUntraced(function* (server: Redacted.Redacted) {
  const target = new URL(Redacted.value(server))
  const { aim, port, ...proxy } = yield* unaimed
  aim(Number(target.port), target.hostname)
  const url = new URL(target)
  url.port = String(port)
  const started: Proxy = { ...proxy, url: Redacted.make(url.href) }
  return started
})

/** Starts a proxy whose server gets its port later, since it is told the proxy's when it starts. */
export const unaimed = Effect.gen(function* () {
  let target = { port: 0, host: "127.0.0.1" }
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
    const onward = Net.connect(target.port, target.host)
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
  const proxy: Unaimed = {
    port: address.port,
    aim: (port, host = "127.0.0.1") => {
      target = { port, host }
    },
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
