//! The tree of tasks by who waits for whom, equal branches folded.

use crate::base::Addr;
use crate::model::tasks::{Task, Tasks};
use crate::model::{TaskState, TaskWaitKind};
use std::collections::{HashMap, HashSet};

/// A group that is folded: how deep it is, whether more follow on each level, its tasks.
type Folded = (usize, Vec<bool>, Vec<usize>);

/// Deepest branch that is shown.
const MAX_DEPTH: usize = 200;
/// Tasks that a branch is named by.
const NAMED: usize = 3;

/// Tasks that stand in the same place, wait for the same kind of thing, and have equal branches below them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Branch {
    /// Depth in the tree, from 0.
    pub depth: usize,
    /// Whether a branch of the same parent follows.
    pub more: Vec<bool>,
    /// Number of the first of the tasks in [`Tasks::tasks`].
    pub task: usize,
    /// Numbers of some of the others.
    pub others: Vec<usize>,
    /// How many tasks it stands for.
    pub count: u64,
    /// Why what is below is not shown.
    pub stop: Option<Stop>,
}

/// Why a branch has no branches of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The task waits for itself, by way of the branches above.
    Cycle,
    /// It is shown above.
    Shown,
    /// Too deep.
    Deep,
}

/// What tasks that are shown alike have in common: stack, state, kind of wait and whether a thread is at it, shapes of what is
/// below.
type Shape = (Option<u32>, TaskState, Option<(TaskWaitKind, bool)>, Vec<u32>);

/// Tasks with who waits for whom.
struct Graph<'a> {
    tasks: &'a Tasks,
    below: Vec<Vec<usize>>,
}

/// The branches in the order in which they are shown.
pub(super) fn branches(tasks: &Tasks) -> Vec<Branch> {
    let numbers: HashMap<Addr, usize> = tasks.tasks.iter().enumerate().map(|(n, t)| (t.addr, n)).collect();
    let below = |task: &Task| -> Vec<usize> {
        let waits = task.waits_for.iter().flat_map(|w| &w.tasks);
        let mut found: Vec<usize> = waits.filter_map(|at| numbers.get(at).copied()).collect();
        found.sort_unstable();
        found.dedup();
        found
    };
    let graph = Graph { tasks, below: tasks.tasks.iter().map(below).collect() };
    let shapes = graph.shapes();
    graph.lay_out(&shapes)
}

impl Graph<'_> {
    /// A number for each task, equal for those that are shown alike. Tasks that wait for themselves are like no other.
    fn shapes(&self) -> Vec<u32> {
        let mut known: HashMap<Shape, u32> = HashMap::new();
        let mut shapes: Vec<Option<u32>> = vec![None; self.below.len()];
        let mut next = 0u32;
        for start in 0..self.below.len() {
            let mut stack = vec![(start, 0usize)];
            let mut open = HashSet::from([start]);
            while let Some((task, at)) = stack.pop() {
                let below = self.below.get(task).map(Vec::as_slice).unwrap_or_default();
                match below.get(at) {
                    Some(child) => {
                        stack.push((task, at.saturating_add(1)));
                        if shapes.get(*child).is_some_and(Option::is_none) && open.insert(*child) {
                            stack.push((*child, 0));
                        }
                    }
                    None => {
                        open.remove(&task);
                        if shapes.get(task).is_none_or(Option::is_some) {
                            continue;
                        }
                        let inner: Option<Vec<u32>> = below.iter().map(|c| shapes.get(*c).copied().flatten()).collect();
                        let mut fresh = || {
                            next = next.saturating_add(1);
                            next
                        };
                        let shape = match (inner, self.tasks.tasks.get(task)) {
                            (Some(mut inner), Some(own)) => {
                                inner.sort_unstable();
                                let wait = own.waits_for.as_ref().map(|w| (w.kind, w.thread.is_some()));
                                *known.entry((own.stack, own.state, wait, inner)).or_insert_with(fresh)
                            }
                            _ => fresh(),
                        };
                        if let Some(slot) = shapes.get_mut(task) {
                            *slot = Some(shape);
                        }
                    }
                }
            }
        }
        shapes.into_iter().map(Option::unwrap_or_default).collect()
    }

    fn lay_out(&self, shapes: &[u32]) -> Vec<Branch> {
        let mut awaited = vec![false; self.below.len()];
        for child in self.below.iter().flatten() {
            if let Some(mark) = awaited.get_mut(*child) {
                *mark = true;
            }
        }
        let roots: Vec<usize> = (0..self.below.len()).filter(|n| awaited.get(*n) == Some(&false)).collect();
        let mut out = Vec::new();
        let mut shown = vec![false; self.below.len()];
        self.lay_out_below(&roots, shapes, &mut shown, &mut out);
        // What is left hangs in cycles that no other task waits for.
        for start in 0..self.below.len() {
            if shown.get(start) == Some(&false) {
                self.lay_out_below(&[start], shapes, &mut shown, &mut out);
            }
        }
        out
    }

    fn lay_out_below(&self, roots: &[usize], shapes: &[u32], shown: &mut [bool], out: &mut Vec<Branch>) {
        // Folded groups that are still to be shown, the next one last; `None` ends a branch.
        let mut left: Vec<Option<Folded>> = Vec::new();
        let mut path: Vec<usize> = Vec::new();
        let push = |left: &mut Vec<_>, depth: usize, more: &[bool], tasks: &[usize]| {
            let groups = fold(tasks, shapes);
            let last = groups.len().saturating_sub(1);
            for (index, group) in groups.into_iter().enumerate().rev() {
                let mut more = more.to_vec();
                more.push(index < last);
                left.push(Some((depth, more, group)));
            }
        };
        push(&mut left, 0, &[], roots);
        while let Some(next) = left.pop() {
            let Some((depth, more, group)) = next else {
                path.pop();
                continue;
            };
            let Some(task) = group.first().copied() else { continue };
            let below = self.below.get(task).map(Vec::as_slice).unwrap_or_default();
            let known = shown.get(task) == Some(&true);
            let stop = match () {
                () if path.contains(&task) => Some(Stop::Cycle),
                () if below.is_empty() => None,
                () if known => Some(Stop::Shown),
                () if depth >= MAX_DEPTH => Some(Stop::Deep),
                () => None,
            };
            self.mark(&group, shown);
            out.push(Branch {
                depth,
                more: more.clone(),
                task,
                others: group.iter().skip(1).take(NAMED.saturating_sub(1)).copied().collect(),
                count: group.len() as u64,
                stop,
            });
            if stop.is_none() && !below.is_empty() {
                path.push(task);
                left.push(None);
                push(&mut left, depth.saturating_add(1), &more, below);
            }
        }
    }

    /// Marks tasks, and what is below all but the first of them, as shown: the first stands for them.
    fn mark(&self, group: &[usize], shown: &mut [bool]) {
        let mut left: Vec<usize> = group.iter().skip(1).copied().collect();
        if let Some(slot) = group.first().and_then(|first| shown.get_mut(*first)) {
            *slot = true;
        }
        while let Some(task) = left.pop() {
            match shown.get_mut(task) {
                Some(slot) if !*slot => *slot = true,
                _ => continue,
            }
            left.extend(self.below.get(task).into_iter().flatten());
        }
    }
}

/// Tasks of equal shape together, in the order of the first of each.
fn fold(tasks: &[usize], shapes: &[u32]) -> Vec<Vec<usize>> {
    let mut places: HashMap<u32, usize> = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for task in tasks {
        let shape = shapes.get(*task).copied().unwrap_or_default();
        let place = *places.entry(shape).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len().saturating_sub(1)
        });
        if let Some(group) = groups.get_mut(place) {
            group.push(*task);
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Text;
    use crate::model::tasks::TaskWait;

    /// Tasks `0..n`, each with its stack and those it waits for.
    fn made(rows: &[(u32, &[u64])]) -> Tasks {
        let mut tasks = Tasks::default();
        for (n, (stack, waits)) in rows.iter().enumerate() {
            let wait = TaskWait { tasks: waits.iter().map(|n| Addr(*n)).collect(), ..TaskWait::default() };
            tasks.tasks.push(Task {
                addr: Addr(n as u64),
                name: Text::from(format!("t{n}").as_str()),
                stack: Some(*stack),
                waits_for: Some(wait),
                ..Task::default()
            });
        }
        tasks
    }

    fn shown(tasks: &Tasks) -> Vec<(usize, usize, u64, Option<Stop>)> {
        branches(tasks).into_iter().map(|b| (b.depth, b.task, b.count, b.stop)).collect()
    }

    #[test]
    fn equal_branches_are_folded_with_all_that_is_below_them() {
        let tasks =
            made(&[(0, &[1, 2, 3, 5]), (1, &[4]), (1, &[6]), (2, &[]), (3, &[]), (1, &[7]), (3, &[]), (3, &[])]);
        assert_eq!(shown(&tasks), [(0, 0, 1, None), (1, 1, 3, None), (2, 4, 1, None), (1, 3, 1, None)]);
    }

    #[test]
    fn cycles_end_where_they_close() {
        let tasks = made(&[(0, &[1]), (1, &[0])]);
        assert_eq!(shown(&tasks), [(0, 0, 1, None), (1, 1, 1, None), (2, 0, 1, Some(Stop::Cycle))]);
        let itself = made(&[(0, &[0])]);
        assert_eq!(shown(&itself), [(0, 0, 1, None), (1, 0, 1, Some(Stop::Cycle))]);
    }

    #[test]
    fn a_task_that_two_wait_for_is_shown_once_with_what_is_below() {
        let tasks = made(&[(0, &[2]), (1, &[2]), (2, &[3]), (3, &[])]);
        let expected =
            [(0, 0, 1, None), (1, 2, 1, None), (2, 3, 1, None), (0, 1, 1, None), (1, 2, 1, Some(Stop::Shown))];
        assert_eq!(shown(&tasks), expected);
    }

    #[test]
    fn long_chains_end() {
        let waits: Vec<[u64; 1]> = (0..100_000u64).map(|n| [n + 1]).collect();
        let rows: Vec<(u32, &[u64])> = waits.iter().map(|w| (0, w.as_slice())).collect();
        let all = branches(&made(&rows));
        // What is below the deepest branch that is shown hangs on a new root.
        assert!(all.iter().any(|branch| branch.stop == Some(Stop::Deep)));
        assert!(all.iter().all(|branch| branch.depth <= MAX_DEPTH));
    }
}
