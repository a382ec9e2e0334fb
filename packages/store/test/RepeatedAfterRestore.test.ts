import { repeatedAfterRestoreCases } from "./repeatedAfterRestoreCases.ts"
import { memory } from "./repeatedAfterRestoreLayers.ts"

repeatedAfterRestoreCases("Commands repeated after a restore, in memory", memory)
