/**
 * The life of a read model as a decider: one definition for every store.
 */
import * as Decider from "@daybook/kernel/Decider"
import type * as Projection from "@daybook/kernel/Projection"
import type { Command } from "./command.ts"
import { decide, type Rejection } from "./decide.ts"
import type { Event } from "./event.ts"
import { evolve } from "./evolve.ts"
import { empty, type State } from "./state.ts"

/** Returns the decider of a read model. */
export const of = (name: Projection.Name): Decider.Decider<Command, State, Event, Rejection> =>
  Decider.make({ initialState: empty(name), decide, evolve })
