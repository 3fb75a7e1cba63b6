//! Timers of event loops (`loop._scheduled`, Lib/asyncio/base_events.py): when which future is to get its result.

use super::event_loops::EventLoop;
use super::reader::Reader;
use crate::base::Addr;
use foldhash::{HashMap, HashMapExt as _};

/// Timers that are read of one loop.
const MAX_TIMERS: usize = 2_000_000;

/// A timer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Timer {
    /// When it is due, by the loop's clock, in seconds.
    pub when: f64,
    /// Its loop's clock, when that is known.
    pub now: Option<f64>,
}

impl Timer {
    /// Seconds from the loop's last look at its clock.
    pub fn due_in(&self) -> Option<f64> {
        self.now.map(|now| self.when - now)
    }
}

/// Timers by what they end.
#[derive(Debug, Default)]
pub(super) struct Timers {
    /// By the future that is the first argument of the callback.
    pub of_future: HashMap<Addr, Timer>,
    /// By the task that a timeout is to cancel.
    pub of_task: HashMap<Addr, Timer>,
}

impl Timers {
    pub fn read(reader: &Reader<'_, '_>, loops: &[EventLoop]) -> Timers {
        let mut timers = Timers { of_future: HashMap::new(), of_task: HashMap::new() };
        for event_loop in loops {
            let Some(list) = event_loop.timer_list else { continue };
            for handle in reader.items(list, MAX_TIMERS) {
                timers.add(reader, handle, event_loop.time);
            }
        }
        timers
    }

    fn add(&mut self, reader: &Reader<'_, '_>, handle: Addr, now: Option<f64>) {
        // One that was cancelled has no callback any more.
        let Some(callback) = reader.slot(handle, "_callback") else { return };
        let Some(when) = reader.slot(handle, "_when").and_then(|at| reader.float(at)) else { return };
        let timer = Timer { when, now };
        if let Some(object) = reader.method_self(callback) {
            // `Timeout._on_timeout` (Lib/asyncio/timeouts.py, 3.11+).
            if let Some(task) = reader.attribute(object, "_task") {
                let known = self.of_task.entry(task).or_insert(timer);
                if when < known.when {
                    *known = timer;
                }
            }
            return;
        }
        // `futures._set_result_unless_cancelled(future, result)` of `sleep`, `_release_waiter(future)` of `wait`.
        let arguments = reader.slot(handle, "_args");
        if let Some(first) = arguments.and_then(|tuple| reader.items(tuple, 1).first().copied()) {
            self.of_future.insert(first, timer);
        }
    }
}
