//! Rows become groups: equal coarse keys, unless more is known that tells them apart; then near-duplicates.
//!
//! The result depends on the set of rows alone, not on their order.

use super::model::{Broken, Group, SCHEMA_VERSION, Triage};
use super::record::{Outcome, Row};
use super::rules::Rules;
use super::severity::Severity;
use super::signature::{self, Signature};
use super::similarity::similarity;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Rows on their way into groups; the reports of rows that will not stand for a group are dropped at once, so that
/// memory is bounded by the number of distinct signatures. A dump that was read twice (a task that ran again) is counted once.
#[derive(Debug, Default)]
pub struct Collector {
    rows: Vec<Row>,
    /// Index of the row that has the report, by exact key.
    best: BTreeMap<String, usize>,
    /// Index of each row by what tells its dump from others.
    seen: HashMap<String, usize>,
}

impl Collector {
    /// Takes a row.
    pub fn add(&mut self, mut row: Row) {
        if let Some(identity) = identity(&row) {
            let index = *self.seen.entry(identity).or_insert(self.rows.len());
            if let Some(old) = self.rows.get_mut(index) {
                return keep_one(old, row);
            }
        }
        let key = row.signature.as_ref().map(|s| s.exact.clone()).filter(|_| row.outcome == Outcome::Ok);
        if let Some(key) = key {
            let index = self.rows.len();
            match self.best.get(&key).and_then(|old| Some((*old, self.rows.get_mut(*old)?))) {
                Some((_, old)) if old.rank() <= row.rank() => row.report = None,
                Some((_, old)) => {
                    old.report = None;
                    self.best.insert(key, index);
                }
                None => {
                    self.best.insert(key, index);
                }
            }
        }
        self.rows.push(row);
    }

    /// The rows, sorted by name. That a dump could not be read counts once, and not at all where it was read another time.
    #[must_use]
    pub fn rows(mut self) -> Vec<Row> {
        self.rows.sort_by(|a, b| {
            (&a.dump, &a.seen, a.size, a.outcome, &a.error).cmp(&(&b.dump, &b.seen, b.size, b.outcome, &b.error))
        });
        self.rows.dedup_by(|row, before| {
            row.outcome != Outcome::Ok && (&row.dump, &row.seen, row.size) == (&before.dump, &before.seen, before.size)
        });
        self.rows
    }
}

/// What two rows of one dump have in common. Hosts of a fleet may write dumps of one name and size in one second: process id and
/// address of a thread state tell these apart.
fn identity(row: &Row) -> Option<String> {
    let (signature, report) = (row.signature.as_ref()?, row.report.as_ref()?);
    let state = report.threads.first().and_then(|thread| thread.python.as_ref()).map(|python| python.tstate);
    let process = (report.process.pid, state);
    let said = (&signature.exact_text, &signature.site, &signature.qualnames);
    Some(signature::hash(&format!("{:?}", (&row.dump, row.size, &row.seen, process, said))))
}

/// Of two readings of one dump the one whose text comes first, so that their order makes no difference. Without its report the old
/// one is not shown anyway.
fn keep_one(old: &mut Row, new: Row) {
    let text = |row: &Row| serde_json::to_string(row).unwrap_or_default();
    if old.report.is_some() && text(&new) < text(old) {
        *old = new;
    }
}

/// Different signatures that a group keeps, for the memory of later runs.
const SIGNATURE_LIMIT: usize = 50;

/// Rows of one signature and everything known beside it.
struct Unit<'a> {
    signature: &'a Signature,
    rows: Vec<&'a Row>,
}

/// Units that belong together.
struct Cluster<'a> {
    units: Vec<Unit<'a>>,
}

impl Cluster<'_> {
    fn count(&self) -> usize {
        self.units.iter().map(|u| u.rows.len()).sum()
    }

    fn contradicts(&self, signature: &Signature) -> bool {
        self.units.iter().any(|u| u.signature.contradicts(signature))
    }

    fn shares_place(&self, signature: &Signature) -> bool {
        signature.site.place.is_some() && self.units.iter().any(|u| u.signature.site.place == signature.site.place)
    }
}

/// Groups the rows.
#[must_use]
pub fn triage(rows: &[Row], rules: &Rules) -> Triage {
    let mut broken: Vec<Broken> = rows.iter().filter_map(broken).collect();
    broken.sort_by(|a, b| a.dump.cmp(&b.dump));
    let clusters = near_duplicates(same_key(rows), rules);
    let mut groups: Vec<Group> = clusters.into_iter().map(finish).collect();
    tell_apart(&mut groups);
    groups.sort_by(|a, b| {
        (b.count, a.severity.rank(), &a.title, &a.id).cmp(&(a.count, b.severity.rank(), &b.title, &b.id))
    });
    Triage {
        schema_version: SCHEMA_VERSION.to_owned(),
        tool: format!("pyinquest {}", env!("CARGO_PKG_VERSION")),
        dumps: rows.len(),
        groups,
        broken,
        ..Triage::default()
    }
}

/// Groups that differ in what is in no id (the function that crashed, qualified names) get ids of their own.
fn tell_apart(groups: &mut [Group]) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for group in groups.iter() {
        let count = seen.entry(group.id.clone()).or_default();
        *count = count.saturating_add(1);
    }
    for group in groups.iter_mut().filter(|group| seen.get(&group.id).is_some_and(|count| *count > 1)) {
        let known = group.signatures.first().map(|s| (&s.exact_text, &s.site.functions, &s.qualnames));
        group.id = signature::hash(&format!("{}{known:?}", group.id)).chars().take(12).collect();
    }
}

fn broken(row: &Row) -> Option<Broken> {
    match (row.outcome, &row.signature) {
        (Outcome::Ok, Some(_)) => None,
        (outcome, _) => {
            let error = row.error.clone().unwrap_or_else(|| "no signature".to_owned());
            Some(Broken { dump: row.dump.clone(), outcome, error })
        }
    }
}

/// Buckets of equal coarse keys, each split where what is known beside the key differs.
fn same_key(rows: &[Row]) -> Vec<Cluster<'_>> {
    let mut buckets: BTreeMap<&str, BTreeMap<(String, String), Unit<'_>>> = BTreeMap::new();
    for row in rows.iter().filter(|r| r.outcome == Outcome::Ok) {
        let Some(signature) = &row.signature else { continue };
        let beside = format!("{:?}{:?}", signature.site, signature.qualnames);
        let bucket = buckets.entry(&signature.coarse_text).or_default();
        let unit = bucket.entry((signature.exact_text.clone(), beside));
        unit.or_insert_with(|| Unit { signature, rows: Vec::new() }).rows.push(row);
    }
    buckets.into_values().flat_map(|units| split(units.into_values().collect())).collect()
}

/// Units that know the most come first and open clusters; one that could belong to several joins the one that
/// crashed at the same place, else the largest.
fn split(mut units: Vec<Unit<'_>>) -> Vec<Cluster<'_>> {
    // The order of the keys in the bucket breaks ties.
    units.sort_by_key(|unit| {
        let known = unit.signature;
        std::cmp::Reverse((known.site.functions.len(), known.site.module.is_some(), known.qualnames.len()))
    });
    let mut clusters: Vec<Cluster<'_>> = Vec::new();
    for unit in units {
        let fitting = clusters.iter_mut().enumerate().filter(|(_, c)| !c.contradicts(unit.signature));
        let best = fitting.max_by_key(|(at, c)| (c.shares_place(unit.signature), c.count(), std::cmp::Reverse(*at)));
        match best {
            Some((_, cluster)) => cluster.units.push(unit),
            None => clusters.push(Cluster { units: vec![unit] }),
        }
    }
    clusters
}

/// Joins clusters whose stacks are alike: same class of crash, same innermost function of somebody's own code, nothing that
/// contradicts, and every pair of stacks at least as similar as the threshold (complete linkage, most similar first).
fn near_duplicates<'a>(clusters: Vec<Cluster<'a>>, rules: &Rules) -> Vec<Cluster<'a>> {
    let mut by_top: BTreeMap<(&'a str, Option<&'a str>), Vec<Cluster<'a>>> = BTreeMap::new();
    for cluster in clusters {
        let Some(signature) = cluster.units.first().map(|u| u.signature) else { continue };
        by_top.entry((&signature.class, top(signature))).or_default().push(cluster);
    }
    let mut out = Vec::new();
    for ((_, top), list) in by_top {
        match top {
            Some(_) => out.extend(join(list, rules)),
            None => out.extend(list),
        }
    }
    out
}

/// The innermost function of the program itself, else of an installed package: many programs crash in one of those.
fn top(signature: &Signature) -> Option<&str> {
    signature.own.as_deref().or_else(|| signature.user.first().map(String::as_str))
}

fn join<'a>(mut list: Vec<Cluster<'a>>, rules: &Rules) -> Vec<Cluster<'a>> {
    loop {
        let mut best: Option<(f64, usize, usize)> = None;
        for (i, a) in list.iter().enumerate() {
            for (j, b) in list.iter().enumerate().skip(i + 1) {
                let alike = linkage(a, b, rules);
                if alike >= rules.similarity.threshold && best.is_none_or(|(most, _, _)| alike > most) {
                    best = Some((alike, i, j));
                }
            }
        }
        let Some((_, i, j)) = best else { return list };
        let moved = list.remove(j);
        if let Some(cluster) = list.get_mut(i) {
            cluster.units.extend(moved.units);
        }
    }
}

/// The least similarity of any two stacks; 0 for clusters that cannot be one defect.
fn linkage(a: &Cluster<'_>, b: &Cluster<'_>, rules: &Rules) -> f64 {
    let mut least = 1.0_f64;
    for x in &a.units {
        for y in &b.units {
            let (x, y) = (x.signature, y.signature);
            if x.contradicts(y) || x.message != y.message || top(x) != top(y) || !trusted(x, y) {
                return 0.0;
            }
            least = least.min(similarity(&whole(x, y), &whole(y, x), &rules.similarity));
            if least < rules.similarity.threshold {
                return 0.0;
            }
        }
    }
    least
}

/// Below this many frames of somebody's own code two stacks are alike by chance.
const SHORT: usize = 3;

/// Whether similarity says something of two stacks: they are long enough, or native code says that it is the same place,
/// or one is the other with further callers.
fn trusted(x: &Signature, y: &Signature) -> bool {
    let (a, b) = (&x.site, &y.site);
    let same = |a: &Option<String>, b: &Option<String>| a.is_some() && a == b;
    let same_entry = a.functions.last().is_some() && a.functions.last() == b.functions.last();
    x.user.len().min(y.user.len()) >= SHORT
        || same(&a.place, &b.place)
        || same(&a.module, &b.module) && (same(&a.method, &b.method) || same_entry)
        || within(&x.user, &y.user)
        || within(&y.user, &x.user)
}

/// Whether `inner` is `outer` with entries left out.
fn within(inner: &[String], outer: &[String]) -> bool {
    let mut rest = outer.iter();
    inner.iter().all(|entry| rest.any(|other| other == entry))
}

/// The frames of somebody's own code with the native module on top, where both have one: a crash in the same module, called
/// from the same function, is more alike than the function alone.
fn whole(own: &Signature, other: &Signature) -> Vec<String> {
    let wheel = own.site.wheel().filter(|wheel| other.site.wheel() == Some(*wheel)).map(str::to_owned);
    let module = wheel.or_else(|| own.site.module.clone()).filter(|_| other.site.module.is_some());
    module.into_iter().chain(own.user.iter().cloned()).collect()
}

fn finish(cluster: Cluster<'_>) -> Group {
    let mut rows: Vec<&Row> = cluster.units.iter().flat_map(|u| u.rows.iter().copied()).collect();
    rows.sort_by_key(|row| row.rank());
    let mut versions: BTreeMap<String, usize> = BTreeMap::new();
    for row in &rows {
        let version = row.python.clone().unwrap_or_else(|| "unknown".to_owned());
        let count = versions.entry(version).or_default();
        *count = count.saturating_add(1);
    }
    let first = rows.first().copied();
    let known = first.and_then(|r| r.signature.as_ref());
    let severity = rows.iter().filter_map(|r| r.severity.as_ref()).min_by_key(|s| s.rank()).cloned();
    let mut dumps: Vec<String> = rows.iter().map(|r| r.dump.clone()).collect();
    dumps.sort();
    let mut signatures: Vec<Signature> = cluster.units.iter().map(|u| u.signature.clone()).collect();
    signatures.sort_by(|a, b| (&a.exact_text, &a.site.place).cmp(&(&b.exact_text, &b.site.place)));
    signatures.dedup_by(|a, b| a.exact == b.exact && a.site.functions == b.site.functions);
    signatures.truncate(SIGNATURE_LIMIT);
    let coarse: BTreeSet<&str> = signatures.iter().map(|s| s.coarse_text.as_str()).collect();
    let site = known.map(|s| (s.site.module.clone(), s.site.functions.last().cloned()));
    Group {
        id: signature::hash(&format!("{:?}{site:?}", coarse.first())).chars().take(12).collect(),
        title: known.map(|s| s.title.clone()).unwrap_or_default(),
        class: known.map(|s| s.class.clone()).unwrap_or_default(),
        signal: known.map(|s| s.signal.clone()).unwrap_or_default(),
        severity: severity.unwrap_or_else(|| Severity { class: "unknown".to_owned(), evidence: Vec::new() }),
        owner: known.and_then(|s| s.owner.clone()),
        count: rows.len(),
        versions,
        first_seen: rows.iter().filter_map(|r| r.seen.clone()).min(),
        last_seen: rows.iter().filter_map(|r| r.seen.clone()).max(),
        dumps,
        representative: first.map(|r| r.dump.clone()).unwrap_or_default(),
        report: rows.iter().find_map(|r| r.report.clone()),
        signatures,
        ..Group::default()
    }
}
