// Drives the adapter with the client that the protocol's authors test adapters with: node testsupport.js PROGRAM DUMP...
"use strict";
const assert = require("assert");
const { DebugClient } = require("@vscode/debugadapter-testsupport");

async function session(program, dump) {
  const client = new DebugClient(program, "dap", "pyinquest");
  // DebugClient starts `PROGRAM dap` where the "runtime" is the program and the "script" its argument.
  await client.start();
  const able = await client.initializeRequest();
  assert.ok(able.body.supportsConfigurationDoneRequest);
  const [, , stopped] = await Promise.all([
    client.waitForEvent("initialized").then(() => client.configurationDoneRequest()),
    client.attachRequest({ coreFile: dump, noFiles: true }),
    client.waitForEvent("stopped"),
  ]);
  assert.strictEqual(stopped.body.allThreadsStopped, true);
  const threads = (await client.threadsRequest()).body.threads;
  assert.ok(threads.some((t) => t.id === stopped.body.threadId));
  let variables = 0;
  for (const thread of threads.slice(0, 5)) {
    const trace = (await client.stackTraceRequest({ threadId: thread.id, startFrame: 0, levels: 20 })).body;
    assert.ok(trace.totalFrames >= trace.stackFrames.length);
    for (const frame of trace.stackFrames) {
      const { scopes } = (await client.scopesRequest({ frameId: frame.id })).body;
      for (const scope of scopes) {
        const list = (await client.variablesRequest({ variablesReference: scope.variablesReference })).body.variables;
        variables += list.length;
        for (const one of list.filter((v) => v.variablesReference > 0).slice(0, 3)) {
          await client.variablesRequest({ variablesReference: one.variablesReference, filter: "indexed", start: 0, count: 10 });
          await client.variablesRequest({ variablesReference: one.variablesReference, filter: "named" });
        }
        for (const one of list.filter((v) => v.evaluateName && scope.name === "Locals").slice(0, 3)) {
          const again = await client.evaluateRequest({ expression: one.evaluateName, frameId: frame.id, context: "hover" });
          assert.strictEqual(again.body.result, one.value);
        }
      }
    }
  }
  assert.ok(variables > 10, `only ${variables} variables of ${dump}`);
  await client.modulesRequest({});
  await assert.rejects(client.continueRequest({ threadId: threads[0].id }), /nothing runs/);
  await client.stop();
}

(async () => {
  const [program, ...dumps] = process.argv.slice(2);
  for (const dump of dumps) await session(program, dump);
  console.log("all sessions ended");
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
