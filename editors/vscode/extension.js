// Starts `pyinquest dap` for debug sessions of the type "pyinquest", and opens dumps by a command.
"use strict";
const vscode = require("vscode");

function activate(context) {
  const adapter = {
    createDebugAdapterDescriptor() {
      const program = vscode.workspace.getConfiguration("pyinquest").get("path", "pyinquest");
      return new vscode.DebugAdapterExecutable(program, ["dap"]);
    },
  };
  context.subscriptions.push(
    vscode.debug.registerDebugAdapterDescriptorFactory("pyinquest", adapter),
    vscode.commands.registerCommand("pyinquest.openDump", openDump),
  );
}

async function openDump(given) {
  let dump = given;
  if (!dump) {
    const chosen = await vscode.window.showOpenDialog({ canSelectMany: false, openLabel: "Open dump" });
    dump = chosen && chosen[0];
  }
  if (!dump) return;
  const name = `dump ${dump.path.split("/").pop()}`;
  await vscode.debug.startDebugging(undefined, { type: "pyinquest", request: "attach", name, coreFile: dump.fsPath });
}

module.exports = { activate, deactivate() {} };
