import * as ProcessTimersPostgres from "@daybook/reactors/ProcessTimersPostgres"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as LawSuite from "@daybook/testing/LawSuite"
import * as ProcessRunnerLaws from "@daybook/testing/contracts/ProcessRunnerLaws"
import * as Layer from "effect/Layer"
import { embedded } from "./postgresLayers.ts"

LawSuite.suite(
  "processes in an embedded database",
  ProcessRunnerLaws.laws,
  Layer.merge(ProcessTimersPostgres.layer, CommandHandler.layer).pipe(Layer.provideMerge(embedded))
)
