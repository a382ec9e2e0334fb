import { assert, it } from "vitest"
import { inOrder, refusals } from "./publish.ts"
import { published, ROOT } from "./published.ts"

const ready = {
  versions: ["0.1.0", "0.1.0"],
  changesets: [],
  changes: "",
  environment: { SIGSTORE_ID_TOKEN: "a" }
}

it("publishes one version from a clean checkout in a job with an identity", () => {
  assert.deepStrictEqual(refusals(ready), [])
})

it("refuses anything else, with the reason", () => {
  const reasons = refusals({
    versions: ["0.1.0", "0.2.0"],
    changesets: ["a.md"],
    changes: " M README.md\n",
    environment: { ACTIONS_ID_TOKEN_REQUEST_URL: "" }
  })
  assert.deepStrictEqual(reasons, [
    "the versions are 0.1.0, 0.2.0: run `pnpm changeset version`",
    "1 changesets wait: run `pnpm changeset version`",
    "the checkout has changes that are not committed",
    "provenance needs a job of CI with an identity: none of ACTIONS_ID_TOKEN_REQUEST_URL, SIGSTORE_ID_TOKEN is set"
  ])
  assert.lengthOf(refusals({ ...ready, versions: ["0.0.0"] }), 1)
})

it("publishes a package after those that it depends on", () => {
  const names = inOrder(published(ROOT).toReversed()).map(({ name }) => name)
  assert.lengthOf(names, published(ROOT).length)
  const before = (one: string, other: string) =>
    assert.isBelow(names.indexOf(one), names.indexOf(other))
  before("@daybook/kernel", "@daybook/store")
  before("@daybook/store", "@daybook/projections")
  before("@daybook/http", "@daybook/inspector")
  before("@daybook/publishing", "@daybook/testing")
})
