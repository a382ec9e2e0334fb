/**
 * Finds a loopback port that is free for now.
 */
import * as Effect from "effect/Effect"
import * as Net from "node:net"

export const freePort: Effect.Effect<number, Error> = Effect.callback((resume) => {
  const server = Net.createServer()
  server.once("error", (cause) => resume(Effect.fail(cause)))
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() =>
      resume(
        address !== null && typeof address === "object"
          ? Effect.succeed(address.port)
          : Effect.fail(new Error("no free port"))
      )
    )
  })
})
