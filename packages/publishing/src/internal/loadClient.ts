/**
 * Loads the client of a broker for a source, whose error for a missing one is that of a broker.
 */
import { load } from "@daybook/store/MissingPeer"
import * as Effect from "effect/Effect"
import { BrokerUnfit } from "../Broker.ts"

export const loadClient = <A>(
  broker: string,
  module: string,
  peers: ReadonlyArray<string>,
  imported: () => Promise<A>
): Effect.Effect<A, BrokerUnfit> =>
  Effect.mapError(
    load(module, peers, imported),
    ({ message, peer }) => new BrokerUnfit({ broker, issue: `${message}: npm install ${peer}` })
  )
