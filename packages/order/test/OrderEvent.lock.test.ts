import { codec } from "@daybook/order/OrderEvent"
import * as SchemaLockFile from "@daybook/testing/SchemaLockFile"

SchemaLockFile.check(codec, new URL("../events.lock.json", import.meta.url))
