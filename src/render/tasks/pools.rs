//! Pools of workers as text.

use super::{MAX_NAME, Page};
use crate::base::{counted, thousands as grouped};
use crate::model::PoolKind;
use crate::model::tasks::Pool;
use crate::render::palette::paint;
use crate::render::wording::safe_short;

/// Workers that are named one by one.
const MAX_WORKERS: usize = 16;

impl Page<'_> {
    /// Pools, one line each, and their workers.
    pub(super) fn pools(&self, out: &mut String) {
        let all = &self.tasks.pools;
        if all.is_empty() {
            return;
        }
        self.section(out, &format!("{} of workers", counted(all.len(), "pool")));
        let palette = &self.options.palette;
        for pool in all.iter().take(self.limit()) {
            let class = pool.type_name.rsplit('.').next().unwrap_or(&pool.type_name);
            let name = paint(palette.function, &safe_short(class, MAX_NAME));
            let given = pool.name.as_ref().map(|name| format!(" \"{}\"", safe_short(name, MAX_NAME)));
            let at = pool.addr.map(|at| format!(" at {at}")).unwrap_or_default();
            out.push_str(&format!("{name}{}{at}: {}\n", given.unwrap_or_default(), state(pool)));
            let (noun, ids) = match pool.kind {
                PoolKind::Processes => ("processes", &pool.processes),
                _ => ("threads", &pool.threads),
            };
            if !ids.is_empty() {
                let first: Vec<String> = ids.iter().take(MAX_WORKERS).map(u64::to_string).collect();
                let more = if ids.len() > MAX_WORKERS { ", ..." } else { "" };
                out.push_str(&format!("    {}\n", paint(palette.dim, &format!("{noun} {}{more}", first.join(", ")))));
            }
        }
        self.rest(out, all.len(), "", "");
    }
}

/// "3 of at most 4 workers, 1 idle; 5 jobs in its queue".
fn state(pool: &Pool) -> String {
    let most = pool.max_workers.map(|n| format!(" of at most {}", grouped(n))).unwrap_or_default();
    let noun = if pool.kind == PoolKind::Processes { "process" } else { "worker" };
    let plural = if pool.kind == PoolKind::Processes { "processes" } else { "workers" };
    let word = if pool.max_workers.unwrap_or(pool.workers) == 1 { noun } else { plural };
    let mut text = format!("{}{most} {word}", grouped(pool.workers));
    if let Some(idle) = pool.idle.filter(|_| pool.workers > 0) {
        text.push_str(&match idle {
            0 => ", all busy".to_owned(),
            idle => format!(", {} idle", grouped(idle)),
        });
    }
    if pool.lost > 0 {
        text.push_str(&format!(", {} gone that it counts on", grouped(pool.lost)));
    }
    if let Some(unfinished) = pool.unfinished {
        text.push_str(&format!("; {} not done", counted(unfinished, "job")));
    }
    if let Some(queued) = pool.queued {
        let text_of = match pool.kind {
            PoolKind::Processes if pool.unfinished.is_some() => format!(", {} not handed over", grouped(queued)),
            _ => format!("; {} in its queue", counted(queued, "job")),
        };
        text.push_str(&text_of);
    }
    if pool.closed {
        text.push_str("; takes no more jobs");
    }
    text
}
