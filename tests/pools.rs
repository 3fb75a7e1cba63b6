//! Pools of workers in dead processes, compared with what the pools said of themselves (`qsize()`, `_idle_semaphore`,
//! `len(_cache)`), and how they explain what threads and tasks wait for.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod harness;

use common::{Crash, CrashedProcess, Interpreter, skip};
use pyinquest::base::Addr;
use pyinquest::engine::{Inspection, Options, TaskOptions};
use pyinquest::model::WaitKind;
use pyinquest::model::tasks::{Pool, Tasks};
use pyinquest::render::tasks::{self as render, TasksText};
use serde_json::Value;

/// Runs a mode of the program on each minor version, and looks at what is left.
fn everywhere(mode: &str, look: impl Fn(&Interpreter, &Inspection, &CrashedProcess)) {
    let found: Vec<&Interpreter> = common::one_per_minor().into_iter().filter(|i| i.minor >= 8).collect();
    if found.is_empty() {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    }
    let only = std::env::var("PYINQUEST_TEST_INTERPRETER").ok();
    for interpreter in found.into_iter().filter(|i| only.as_ref().is_none_or(|name| i.name.contains(name.as_str()))) {
        match Crash::new(interpreter, "pools.py").args(&[mode]).death("kill").run() {
            Ok(dead) if dead.truth.is_null() => panic!("{}: {}", interpreter.name, dead.stderr),
            Ok(dead) => {
                let inspection = Inspection::open(&dead.core, &harness::files_of(interpreter)).unwrap();
                look(interpreter, &inspection, &dead);
            }
            Err(reason) => common::part_skipped(reason),
        }
    }
}

fn tasks_of(inspection: &Inspection, all: bool) -> Tasks {
    inspection.tasks(&TaskOptions { all, ..TaskOptions::default() }).expect("a CPython")
}

fn addr(value: &Value) -> Option<Addr> {
    Some(Addr(u64::from_str_radix(value.as_str()?.trim_start_matches("0x"), 16).unwrap()))
}

/// What of a pool is not as it said.
fn compare(pool: &Pool, said: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut differ = |what: &str, ours: String, theirs: String| {
        if ours != theirs {
            wrong.push(format!("{what} of {}: {ours} instead of {theirs}", said["type"]));
        }
    };
    let number = |key: &str| said[key].as_u64();
    differ("type", pool.type_name.clone(), said["type"].as_str().unwrap().to_owned());
    differ("kind", pool.kind.to_string(), said["kind"].as_str().unwrap().to_owned());
    let name = pool.name.as_ref().map(ToString::to_string).unwrap_or_default();
    differ("name", name, said["name"].as_str().unwrap().to_owned());
    differ("most", format!("{:?}", pool.max_workers), format!("{:?}", number("max")));
    differ("workers", pool.workers.to_string(), said["workers"].to_string());
    differ("idle", format!("{:?}", pool.idle), format!("{:?}", number("idle")));
    differ("queued", format!("{:?}", pool.queued), format!("{:?}", number("queued")));
    differ("unfinished", format!("{:?}", pool.unfinished), format!("{:?}", number("unfinished")));
    differ("closed", pool.closed.to_string(), said["closed"].to_string());
    differ("lost", pool.lost.to_string(), "0".to_owned());
    let sorted = |list: &[u64]| {
        let mut list = list.to_vec();
        list.sort_unstable();
        format!("{list:?}")
    };
    let told = |key: &str| serde_json::from_value::<Vec<u64>>(said[key].clone()).unwrap();
    differ("processes", sorted(&pool.processes), sorted(&told("processes")));
    differ("threads", sorted(&pool.threads), sorted(&told("tids")));
    if let Some(waiting) = said["waiting"].as_array() {
        let theirs: Vec<Addr> = waiting.iter().filter_map(addr).collect();
        differ("waiting", format!("{:?}", pool.waiting), format!("{theirs:?}"));
    }
    wrong
}

fn as_they_say(mode: &str) {
    everywhere(mode, |interpreter, inspection, dead| {
        let Some(said) = dead.truth["extra"]["pools"].as_array() else {
            common::part_skipped(format!("{}: no semaphores", interpreter.name));
            return;
        };
        let tasks = tasks_of(inspection, false);
        assert_eq!(tasks.pools.len(), said.len(), "{}: {:#?}", interpreter.name, tasks.pools);
        for one in said {
            // A pool without results is referred to by nothing that its threads have.
            let known = |pool: &&Pool| match one["known"].as_bool() {
                Some(false) => pool.addr.is_none(),
                _ => pool.addr == addr(&one["id"]),
            };
            let pool = tasks.pools.iter().find(known);
            let pool = pool.unwrap_or_else(|| panic!("{}: no {one}: {:#?}", interpreter.name, tasks.pools));
            let wrong = compare(pool, one);
            assert!(wrong.is_empty(), "{}:\n{}", interpreter.name, wrong.join("\n"));
        }
        let report = inspection.report(&Options::default());
        assert_eq!(report.tasks.expect("pools").pools, tasks.pools, "{}", interpreter.name);
    });
}

#[test]
fn pools_of_threads_are_as_they_say() {
    as_they_say("threads");
}

#[test]
fn an_executor_of_processes_is_as_it_says() {
    as_they_say("executor");
}

#[test]
fn a_pool_of_processes_is_as_it_says() {
    as_they_say("pool");
}

#[test]
fn what_waits_for_a_job_tells_where_the_job_is() {
    everywhere("waits", |interpreter, inspection, dead| {
        let report = inspection.report(&Options::default());
        let waits: Vec<_> = report.threads.iter().filter_map(|t| t.waits_for.as_ref()).collect();
        let second = addr(&dead.truth["extra"]["second"]);
        let result = waits.iter().find(|w| w.kind == WaitKind::Result && w.addr == second);
        let result = result.unwrap_or_else(|| panic!("{}: {waits:#?}", interpreter.name));
        let queue = "number 2 of 3 in the queue of ThreadPoolExecutor \"busy\", whose only worker is busy";
        assert!(result.what.ends_with(queue), "{}: {}", interpreter.name, result.what);
        let tasks = report.tasks.as_ref().unwrap();
        let task = tasks.tasks[0].waits_for.as_ref().unwrap();
        let third = "number 3 of 3 in the queue of ThreadPoolExecutor \"busy\"";
        assert!(task.what.contains(third), "{}: {}", interpreter.name, task.what);
        let text = render::text(tasks, &TasksText::default());
        assert!(text.contains("1 of at most 1 worker, all busy; 3 jobs in its queue"), "{text}");
        assert!(text.contains("ThreadPool at 0x") && text.contains("; 2 jobs not done; 1 job in its queue"), "{text}");
    });
}

#[test]
fn a_pool_whose_workers_did_not_survive_a_fork_is_told() {
    everywhere("forked", |interpreter, inspection, dead| {
        let tasks = tasks_of(inspection, true);
        let at = addr(&dead.truth["extra"]["pool"]);
        let pool = tasks.pools.iter().find(|pool| pool.addr == at);
        let pool = pool.unwrap_or_else(|| panic!("{}: {:#?}", interpreter.name, tasks.pools));
        assert_eq!((pool.workers, pool.lost, pool.queued), (0, 1, Some(1)), "{}: {pool:#?}", interpreter.name);
        assert_eq!(pool.waiting, [addr(&dead.truth["extra"]["future"]).unwrap()], "{}", interpreter.name);
        let text = render::text(&tasks, &TasksText::default());
        assert!(text.contains("0 of at most 1 worker, 1 gone that it counts on; 1 job in its queue"), "{text}");
        // Since 3.15 nothing but the heap knows the pool; a report does without.
        if tasks_of(inspection, false).pools.is_empty() {
            return;
        }
        let report = inspection.report(&Options::default());
        let waits = report.threads.iter().filter_map(|t| t.waits_for.as_ref());
        let told = waits.filter(|w| w.kind == WaitKind::Result).any(|w| w.what.contains("whose workers are gone"));
        assert!(told, "{}: {:#?}", interpreter.name, report.threads);
    });
}
