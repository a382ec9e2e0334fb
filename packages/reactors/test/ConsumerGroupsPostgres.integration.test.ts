import * as LawSuite from "@daybook/testing/LawSuite"
import * as ConsumerGroupLaws from "@daybook/testing/contracts/ConsumerGroupLaws"
import { server } from "./postgresLayers.ts"

LawSuite.suite("ConsumerGroupsPostgres on a server", ConsumerGroupLaws.laws, server)
