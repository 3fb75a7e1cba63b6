//! A client of the debug adapter: the program itself, over its standard streams or a port.

// Each test file compiles its own copy and uses a part of it.
#![allow(dead_code)]

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

pub struct Client {
    child: Option<Child>,
    to: Box<dyn Write>,
    from: Box<dyn BufRead>,
    seq: i64,
    pub events: Vec<Value>,
}

pub fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_pyinquest"))
}

impl Client {
    pub fn start() -> Client {
        Client::start_with(program())
    }

    /// The same of a program with settings of its own.
    pub fn start_with(mut program: Command) -> Client {
        let mut child = program.arg("dap").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Client {
            child: Some(child),
            to: Box::new(to),
            from: Box::new(BufReader::new(from)),
            seq: 0,
            events: Vec::new(),
        }
    }

    pub fn connect(port: u16) -> Client {
        let stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        let to = stream.try_clone().unwrap();
        Client { child: None, to: Box::new(to), from: Box::new(BufReader::new(stream)), seq: 0, events: Vec::new() }
    }

    pub fn send(&mut self, command: &str, arguments: Value) -> i64 {
        self.seq += 1;
        let body =
            json!({ "seq": self.seq, "type": "request", "command": command, "arguments": arguments }).to_string();
        write!(self.to, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        self.to.flush().unwrap();
        self.seq
    }

    pub fn message(&mut self) -> Option<Value> {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.from.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            match line.trim().split_once(": ") {
                Some((_, value)) => length = value.parse().unwrap(),
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.from.read_exact(&mut body).unwrap();
        Some(serde_json::from_slice(&body).unwrap())
    }

    /// The answer to a request that was sent; events before it are kept.
    pub fn answer(&mut self, seq: i64) -> Value {
        loop {
            let message = self.message().expect("the adapter went away");
            if message["type"] == "response" && message["request_seq"] == seq {
                return message;
            }
            self.events.push(message);
        }
    }

    pub fn ask(&mut self, command: &str, arguments: Value) -> Value {
        let seq = self.send(command, arguments);
        self.answer(seq)
    }

    /// The body of an answer that must be one of success.
    pub fn body(&mut self, command: &str, arguments: Value) -> Value {
        let answer = self.ask(command, arguments.clone());
        assert_eq!(answer["success"], true, "{command} {arguments}: {answer}");
        answer["body"].clone()
    }

    /// Why a request was refused.
    pub fn refused(&mut self, command: &str, arguments: Value) -> String {
        let answer = self.ask(command, arguments.clone());
        assert_eq!(answer["success"], false, "{command} {arguments}: {answer}");
        answer["message"].as_str().unwrap().to_owned()
    }

    /// As an editor begins; the thread that the session stops at.
    pub fn attach(&mut self, arguments: Value) -> i64 {
        let able = json!({ "adapterID": "pyinquest", "supportsVariableType": true, "supportsMemoryReferences": true });
        self.body("initialize", able);
        self.body("attach", arguments);
        assert!(self.events.iter().any(|e| e["event"] == "initialized"));
        self.body("configurationDone", json!({}));
        // What follows an answer is there when the next one is.
        self.body("threads", json!({}));
        let stopped = self.events.iter().find(|e| e["event"] == "stopped").expect("the session stops");
        stopped["body"]["threadId"].as_i64().unwrap()
    }

    pub fn frames(&mut self, thread: i64) -> Vec<Value> {
        self.body("stackTrace", json!({ "threadId": thread }))["stackFrames"].as_array().unwrap().clone()
    }

    /// The number of a scope of a frame.
    pub fn scope(&mut self, frame: &Value, name: &str) -> Option<i64> {
        let scopes = self.body("scopes", json!({ "frameId": frame["id"] }))["scopes"].as_array().unwrap().clone();
        scopes.iter().find(|s| s["name"] == name).map(|s| s["variablesReference"].as_i64().unwrap())
    }

    pub fn variables(&mut self, number: i64) -> Vec<Value> {
        self.part(json!({ "variablesReference": number }))
    }

    pub fn part(&mut self, arguments: Value) -> Vec<Value> {
        self.body("variables", arguments)["variables"].as_array().unwrap().clone()
    }

    /// Ends the session; the program ends by itself.
    pub fn end(mut self) {
        self.body("disconnect", json!({}));
        if let Some(mut child) = self.child.take() {
            assert!(child.wait().unwrap().success());
        }
    }
}

/// The variable of a name.
pub fn named<'v>(list: &'v [Value], name: &str) -> &'v Value {
    list.iter().find(|v| v["name"] == name).unwrap_or_else(|| panic!("no {name} in {list:?}"))
}
