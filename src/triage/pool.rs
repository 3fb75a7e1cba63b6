//! Many dumps at once, each in a worker process: one that takes too long, exhausts memory or brings the reader down
//! costs its own row and nothing else.
//!
//! A worker is this program as `pyinquest triage worker`: it reads a line of JSON with the options, then one line for
//! each dump, and answers each with a row.

use super::input::{self, Dump, Found};
use super::read_dump::{self, MapOptions};
use super::record::{Label, Outcome, Row};
use super::rules::{Rules, RulesError};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

/// How the work is spread.
#[derive(Clone, Debug)]
pub struct PoolOptions {
    /// Workers at once.
    pub jobs: usize,
    /// Threads of one worker.
    pub threads: usize,
    /// Time for one dump.
    pub timeout: Duration,
    /// Memory of one worker in bytes (its data; files that are mapped do not count).
    pub memory: u64,
    /// Program and arguments that start a worker.
    pub worker: Vec<OsString>,
}

/// What the pool tells while it works.
#[derive(Debug)]
pub enum Event {
    /// A dump was found.
    Found,
    /// A dump is done.
    Row(Box<Row>),
    /// A file is not a dump.
    Other,
}

/// A worker is replaced after this many dumps: what it has cached must not pile up.
const DUMPS_PER_WORKER: usize = 200;
/// A row is a line; a longer one is not a row.
pub const ROW_LIMIT: u64 = 256 << 20;

#[derive(Serialize, Deserialize)]
struct Request {
    path: PathBuf,
    label: Label,
}

/// Reads all dumps that `arguments` name. `each` is called on this thread, in no certain order.
pub fn run(arguments: &[PathBuf], options: &MapOptions, pool: &PoolOptions, mut each: impl FnMut(Event)) {
    let jobs = pool.jobs.max(1);
    let (work, queue) = sync_channel::<Dump>(jobs);
    let queue = Mutex::new(queue);
    let (events, inbox) = channel::<Event>();
    std::thread::scope(|scope| {
        let finder = events.clone();
        scope.spawn(move || find(arguments, pool.timeout, &work, &finder));
        for _ in 0..jobs {
            let (events, queue) = (events.clone(), &queue);
            scope.spawn(move || supervise(queue, options, pool, &events));
        }
        drop(events);
        inbox.iter().for_each(&mut each);
    });
}

fn find(arguments: &[PathBuf], time: Duration, work: &SyncSender<Dump>, events: &Sender<Event>) {
    let broken = |label: Label, outcome: Outcome, why: String| {
        let row = Row::without_report(label, outcome, why);
        events.send(Event::Found).is_ok() && events.send(Event::Row(Box::new(row))).is_ok()
    };
    input::visit(arguments, time, &mut |found| match found {
        Found::Dump(dump) => events.send(Event::Found).is_ok() && work.send(dump).is_ok(),
        Found::Broken(label, why) => broken(label, Outcome::Unreadable, why),
        Found::Late(label, why) => broken(label, Outcome::TimedOut, why),
        Found::Other => events.send(Event::Other).is_ok(),
    });
}

fn supervise(queue: &Mutex<Receiver<Dump>>, options: &MapOptions, pool: &PoolOptions, events: &Sender<Event>) {
    let mut worker: Option<Worker> = None;
    loop {
        // Only the wait for the next dump is under the lock.
        let next = queue.lock().map(|queue| queue.recv());
        let Ok(Ok(dump)) = next else { return };
        let started = worker.take().map_or_else(|| Worker::start(options, pool), Ok);
        let row = match started {
            Ok(mut ready) => match ready.read(&dump, pool) {
                Ok(row) => {
                    worker = (ready.done < DUMPS_PER_WORKER).then_some(ready);
                    row
                }
                Err((outcome, why)) => Row::without_report(dump.label.clone(), outcome, why),
            },
            Err(error) => {
                Row::without_report(dump.label.clone(), Outcome::Failed, format!("no worker could be started: {error}"))
            }
        };
        if events.send(Event::Row(Box::new(row))).is_err() {
            return;
        }
    }
}

struct Worker {
    child: Child,
    answers: Receiver<String>,
    stderr: std::fs::File,
    done: usize,
}

impl Worker {
    fn start(options: &MapOptions, pool: &PoolOptions) -> io::Result<Self> {
        let Some((program, arguments)) = pool.worker.split_first() else {
            return Err(io::Error::other("no program"));
        };
        let stderr = tempfile::tempfile()?;
        let mut child = Command::new(program)
            .args(arguments)
            .arg("--memory")
            .arg(pool.memory.to_string())
            .arg("--threads")
            .arg(pool.threads.to_string())
            // A worker out of memory has none for a backtrace either: making one can block for good.
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr.try_clone()?)
            .spawn()?;
        let (answer, answers) = channel();
        if let Some(out) = child.stdout.take() {
            // Ends with the worker; nobody waits for it.
            std::thread::spawn(move || {
                let mut out = BufReader::new(out);
                loop {
                    let mut line = String::new();
                    match out.by_ref().take(ROW_LIMIT).read_line(&mut line) {
                        Ok(length) if length > 0 && answer.send(line).is_ok() => {}
                        _ => return,
                    }
                }
            });
        }
        let mut worker = Worker { child, answers, stderr, done: 0 };
        worker.send(options)?;
        Ok(worker)
    }

    fn send(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        let stdin = self.child.stdin.as_mut().ok_or_else(|| io::Error::other("no pipe"))?;
        stdin.write_all(&line)?;
        stdin.flush()
    }

    fn read(&mut self, dump: &Dump, pool: &PoolOptions) -> Result<Row, (Outcome, String)> {
        self.done = self.done.saturating_add(1);
        let request = Request { path: dump.path.clone(), label: dump.label.clone() };
        // A worker that is gone shows in its answer, with more to tell.
        let _ = self.send(&request);
        match self.answers.recv_timeout(pool.timeout) {
            Ok(line) => serde_json::from_str(&line)
                .map_err(|e| (Outcome::Failed, format!("the worker's answer is not understood: {e}"))),
            Err(RecvTimeoutError::Timeout) => {
                let seconds = pool.timeout.as_secs_f32();
                Err((Outcome::TimedOut, format!("not done after {seconds} s (--timeout)")))
            }
            Err(RecvTimeoutError::Disconnected) => Err((Outcome::Failed, self.last_words())),
        }
    }

    fn last_words(&mut self) -> String {
        let status = self.child.wait().map_or_else(|e| e.to_string(), |s| s.to_string());
        let mut text = String::new();
        let _ = self.stderr.seek(SeekFrom::Start(0));
        let _ = (&self.stderr).take(4096).read_to_string(&mut text);
        let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
        // What Rust's runtime says when an allocation fails; a note on backtraces follows.
        if let Some(line) = lines.clone().find(|l| l.starts_with("memory allocation of")) {
            return format!("its reader needs more memory than --memory-limit allows ({line})");
        }
        // A thread or a signal stack that cannot be had ends in other words, whichever comes first.
        let perhaps = "if it needs more memory than --memory-limit allows, that ends it too";
        match lines.rfind(|l| !l.starts_with("note: ")) {
            Some(line) => format!("the reader died ({status}): {line}; {perhaps}"),
            None => format!("the reader died ({status}); {perhaps}"),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may be busy with a dump nobody waits for any more, or waiting for the next; either way it is over.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The worker's side: lines of requests in, lines of rows out, until the input ends. `begin` is called once it is known how
/// dumps are to be read, before the first is.
///
/// # Errors
/// When the pipe breaks, the first line is not understood, or `begin` fails.
pub fn work(
    input: impl BufRead,
    mut output: impl io::Write,
    begin: impl FnOnce(&MapOptions) -> io::Result<()>,
) -> io::Result<()> {
    let mut lines = input.lines();
    let Some(first) = lines.next() else { return Ok(()) };
    let options: MapOptions = serde_json::from_str(&first?)?;
    let rules: Result<Rules, RulesError> = options.load_rules();
    let rules = rules.map_err(io::Error::other)?;
    begin(&options)?;
    for line in lines {
        let request: Request = serde_json::from_str(&line?)?;
        let row = read_dump::map(&request.path, request.label, &options, &rules);
        let mut line = serde_json::to_vec(&row)?;
        line.push(b'\n');
        output.write_all(&line)?;
        output.flush()?;
    }
    Ok(())
}
