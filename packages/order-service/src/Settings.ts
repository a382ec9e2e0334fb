/**
 * The settings of a served shop: flags, or else variables of the environment.
 *
 * @since 0.1.0
 */
import * as Flag from "effect/cli/Flag"
import type { UnprotectedHost } from "@daybook/http/NodeHost"
import { printableLine } from "@daybook/kernel/Printable"
import * as Config from "effect/Config"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { FileSystem } from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import * as StoreFlags from "./StoreFlags.ts"
import type { Store } from "./Stores.ts"
import * as Tokens from "./Tokens.ts"

/**
 * The place of a served shop, and its callers.
 *
 * @category types
 * @since 0.1.0
 */
export interface Settings {
  readonly store: Store
  readonly host: string
  readonly port: number
  /** The longest lag of a read model on a host that is ready; any when absent. */
  readonly readyLag: Duration.Duration | undefined
  /** Absent on a shop where everyone may do everything. */
  readonly tokens: ReadonlyArray<Tokens.Token> | undefined
}

/**
 * The shop would be open to everyone on a network.
 *
 * @category errors
 * @since 0.1.0
 */
export class OpenToNetwork extends Data.TaggedError("OpenToNetwork")<{ readonly host: string }> {
  override get message() {
    return printableLine(
      `cannot listen on ${this.host} without tokens, since everyone there could do everything: give --tokens FILE, or listen on 127.0.0.1`
    )
  }
}

/**
 * Names the flag that a shop which is open by accident lacks.
 *
 * @category layers
 * @since 0.1.0
 */
export const openToNetwork = ({ host }: UnprotectedHost): Layer.Layer<never, OpenToNetwork> =>
  Layer.effectDiscard(new OpenToNetwork({ host }))

/** The folder of the log, below the current one, unless another is given. */
const DATA = "shop-data"

/**
 * The flags of `pnpm start`.
 *
 * @category flags
 * @since 0.1.0
 */
export const flags = {
  store: StoreFlags.store.pipe(
    Flag.withFallbackConfig(Config.Literals(StoreFlags.STORES, "DAYBOOK_STORE")),
    Flag.optional
  ),
  data: StoreFlags.data.pipe(Flag.withFallbackConfig(Config.String("DAYBOOK_DATA")), Flag.optional),
  host: Flag.String("host").pipe(
    Flag.withDescription(
      "Address to listen on, 127.0.0.1 if absent; others than loopback need --tokens"
    ),
    Flag.withFallbackConfig(Config.String("DAYBOOK_HOST")),
    Flag.withDefault("127.0.0.1")
  ),
  port: Flag.Int("port").pipe(
    Flag.withDescription("Port to listen on, 3000 if absent; 0 for any that is free"),
    Flag.withFallbackConfig(Config.Int("DAYBOOK_PORT")),
    Flag.withDefault(3000),
    Flag.filter(
      (port) => port >= 0 && port <= 65_535,
      () => "a port from 0 to 65535"
    )
  ),
  readyLag: Flag.Finite("ready-lag").pipe(
    Flag.withDescription(
      "Seconds that a read model may lag while the host is ready; any if absent"
    ),
    Flag.withFallbackConfig(Config.Finite("DAYBOOK_READY_LAG")),
    Flag.filter(
      (seconds) => seconds >= 0,
      () => "0 seconds or more"
    ),
    Flag.optional
  ),
  tokens: Flag.String("tokens").pipe(
    Flag.withDescription(
      "File of callers, closed to other users: lines of actor, permissions, token; or their text in DAYBOOK_TOKENS"
    ),
    Flag.withMetavar("FILE"),
    Flag.optional
  )
}

/**
 * Returns the settings that the flags give.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromFlags = Effect.fnUntraced(function* (given: {
  readonly store: Option.Option<Store["_tag"]>
  readonly data: Option.Option<string>
  readonly host: string
  readonly port: number
  readonly readyLag: Option.Option<number>
  readonly tokens: Option.Option<string>
}): Effect.fn.Return<
  Settings,
  | StoreFlags.DataWithoutEmbedded
  | Tokens.InvalidTokens
  | Tokens.TokensOpenToOthers
  | Config.ConfigError
  | PlatformError,
  FileSystem
> {
  const store = yield* Effect.fromResult(StoreFlags.storeOf(given, DATA))
  const text = Option.isSome(given.tokens)
    ? Option.some(yield* Tokens.read(given.tokens.value))
    : yield* Config.option(Config.Redacted("DAYBOOK_TOKENS"))
  const tokens = Option.isNone(text)
    ? undefined
    : yield* Effect.fromResult(Tokens.parse(text.value))
  const readyLag = Option.getOrUndefined(Option.map(given.readyLag, Duration.seconds))
  return { store, host: given.host, port: given.port, readyLag, tokens }
})
