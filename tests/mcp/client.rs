//! A client of the server for agents: the program itself, over its standard streams.

// Each test file compiles its own copy and uses a part of it.
#![allow(dead_code)]

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub struct Client {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    id: u64,
}

/// What a tool has said: our words, those of the dump, and what is for programs.
#[derive(Debug)]
pub struct Said {
    pub own: String,
    pub data: Option<String>,
    pub meta: Value,
    pub error: bool,
}

impl Client {
    pub fn start(arguments: &[&str]) -> Client {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pyinquest"))
            .arg("mcp")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let mut client = Client { child, to, from, id: 0 };
        let hello = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } });
        let hello = client.ask("initialize", hello);
        assert_eq!(hello["result"]["serverInfo"]["name"], "pyinquest", "{hello}");
        client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        client
    }

    fn send(&mut self, message: &Value) {
        writeln!(self.to.as_mut().unwrap(), "{message}").unwrap();
    }

    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        self.id += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": self.id, "method": method, "params": params }));
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        assert_eq!(answer["id"], self.id, "{answer}");
        answer
    }

    /// Begins a call and takes it back.
    pub fn take_back(&mut self, tool: &str, arguments: Value) {
        self.begin(tool, arguments);
        let params = json!({ "requestId": self.id, "reason": "enough" });
        self.send(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params }));
    }

    /// Begins a call and waits for nothing.
    pub fn begin(&mut self, tool: &str, arguments: Value) {
        self.id += 1;
        let params = json!({ "name": tool, "arguments": arguments });
        self.send(&json!({ "jsonrpc": "2.0", "id": self.id, "method": "tools/call", "params": params }));
    }

    /// Calls a tool.
    pub fn call(&mut self, tool: &str, arguments: Value) -> Said {
        let answer = self.ask("tools/call", json!({ "name": tool, "arguments": arguments }));
        let result = &answer["result"];
        let content = result["content"].as_array().unwrap_or_else(|| panic!("{answer}"));
        assert!(content.len() <= 2 && content.iter().all(|block| block["type"] == "text"), "{answer}");
        // What is of the dump is in a block of its own, which says so.
        let marks: Vec<bool> = content.iter().map(|block| block["_meta"]["pyinquest/untrusted"] == true).collect();
        assert!(marks == [false] || marks == [false, true], "{answer}");
        Said {
            own: content[0]["text"].as_str().unwrap().to_owned(),
            data: content.get(1).map(|block| block["text"].as_str().unwrap().to_owned()),
            meta: result["_meta"].clone(),
            error: result["isError"] == true,
        }
    }

    /// Gives a command, and reads its whole answer.
    pub fn command(&mut self, dump: &str, line: &str) -> Said {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut said = self.call("run_command", json!({ "dump": dump, "command": word, "arguments": rest }));
        let mut cursor = said.meta["pyinquest/cursor"].clone();
        while cursor.is_string() {
            let more = self.call("read_more", json!({ "cursor": cursor }));
            said.data.as_mut().unwrap().push_str(&more.data.unwrap());
            cursor = more.meta["pyinquest/cursor"].clone();
        }
        said
    }

    /// Goes away; the server has to end by itself.
    pub fn end(mut self) {
        self.to = None;
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Said {
    /// The text of the dump without the marks of its lines.
    pub fn text(&self) -> String {
        let data = self.data.as_ref().unwrap_or_else(|| panic!("{self:?}"));
        data.lines()
            .map(|line| line.strip_prefix("| ").unwrap_or_else(|| panic!("{line:?}")).to_owned() + "\n")
            .collect()
    }

    /// The dump that an answer is about.
    pub fn dump(&self) -> String {
        self.meta["pyinquest/dump"].as_str().unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }

    /// Commands that are to be given next.
    pub fn next(&self) -> Vec<String> {
        let next = self.meta["pyinquest/next"].as_array().cloned().unwrap_or_default();
        next.iter().map(|check| check.as_str().unwrap().to_owned()).collect()
    }
}
