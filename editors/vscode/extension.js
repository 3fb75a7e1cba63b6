// Starts `pyinquest dap` for debug sessions of the type "pyinquest", and opens dumps by a command.
"use strict";
const fs = require("fs");
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
    vscode.commands.registerCommand("pyinquest.pickProcess", pickProcess),
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

/** Running processes of this host that have "python" in their command line, the newest first. Only Linux lists them here. */
function pythonProcesses() {
  const names = process.platform === "linux" ? fs.readdirSync("/proc") : [];
  const pids = names.filter((name) => /^[0-9]+$/.test(name)).map(Number).sort((one, other) => other - one);
  const commandLine = (pid) => {
    try {
      return fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").join(" ").trim();
    } catch {
      return ""; // It has ended meanwhile.
    }
  };
  return pids.map((pid) => ({ label: String(pid), description: commandLine(pid) })).filter((item) => item.description.includes("python"));
}

/** The number of a process, for `${command:pickProcess}` in configurations. */
async function pickProcess() {
  const options = { placeHolder: "A process of Python, which stands still for as long as the session lasts", matchOnDescription: true };
  const chosen = await vscode.window.showQuickPick(pythonProcesses(), options);
  return chosen && chosen.label;
}

module.exports = { activate, deactivate() {} };
