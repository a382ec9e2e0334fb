import * as LawSuite from "@daybook/testing/LawSuite"
import * as ConsumerGroupLaws from "@daybook/testing/contracts/ConsumerGroupLaws"
import { embedded } from "./postgresLayers.ts"

LawSuite.suite("ConsumerGroupsPostgres embedded", ConsumerGroupLaws.laws, embedded)
