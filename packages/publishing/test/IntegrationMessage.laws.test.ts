import * as IntegrationMessage from "@daybook/publishing/IntegrationMessage"
import * as Law from "@daybook/testing/Law"
import * as LawSuite from "@daybook/testing/LawSuite"
import { assert, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"

LawSuite.suite("IntegrationMessage", [
  Law.make({
    name: "decodes what it encoded",
    inputs: () => Arbitrary.schema(IntegrationMessage.IntegrationMessage),
    problem: (message) => {
      const text = IntegrationMessage.encode(message)
      const decoded = Result.getOrThrow(IntegrationMessage.decode(text))
      const again = IntegrationMessage.encode(decoded)
      return text === again ? undefined : `${text} became ${again}`
    }
  })
])

it("reads a message of another sender, and drops attributes that it does not know", () => {
  const text = JSON.stringify({
    specversion: "1.0",
    id: "1",
    source: "/x",
    type: "t",
    time: "2026-11-30T20:00:00.123456789+01:00",
    rack: 7,
    data: { a: [1] }
  })
  const message = Result.getOrThrow(IntegrationMessage.decode(text))
  assert.deepStrictEqual(JSON.parse(IntegrationMessage.encode(message)), {
    specversion: "1.0",
    id: "1",
    source: "/x",
    type: "t",
    time: "2026-11-30T19:00:00.123Z",
    data: { a: [1] }
  })
})

it("refuses a text that is not CloudEvents 1.0", () => {
  for (const text of ["", "{}", '{"specversion":"0.3","id":"1","source":"/x","type":"t"}']) {
    const { failure } = Result.merge(
      Result.mapBoth(IntegrationMessage.decode(text), {
        onFailure: (error) => ({ failure: error.message }),
        onSuccess: () => ({ failure: "" })
      })
    )
    assert.match(failure, /^Cannot read a message as CloudEvents 1.0: /)
  }
})
