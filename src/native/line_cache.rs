//! What DWARF said of addresses is kept for the next dump: crashes of one interpreter go through the same places, and
//! setting up its debug information takes longer than all the rest of a report.

use super::dwarf::SourceFrame;
use crate::image::FileId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Addresses that are kept; past that all are forgotten.
const CAPACITY: usize = 200_000;

/// Answers, by address in the file.
type Answers = HashMap<u64, Vec<SourceFrame>>;

/// The answers by file with the DWARF.
#[derive(Default)]
struct Cache {
    files: HashMap<FileId, Answers>,
    count: usize,
}

static CACHE: Mutex<Option<Cache>> = Mutex::new(None);

/// What is known of each of the addresses.
pub(super) fn known(file: &FileId, addrs: &[u64]) -> Vec<Option<Vec<SourceFrame>>> {
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let answers = cache.get_or_insert_default().files.get(file);
    addrs.iter().map(|addr| answers.and_then(|a| a.get(addr)).cloned()).collect()
}

/// Keeps answers.
pub(super) fn keep<'a>(file: &FileId, found: impl Iterator<Item = (u64, &'a Vec<SourceFrame>)>) {
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let cache = cache.get_or_insert_default();
    if cache.count > CAPACITY {
        *cache = Cache::default();
    }
    let answers = cache.files.entry(file.clone()).or_default();
    let before = answers.len();
    answers.extend(found.map(|(addr, frames)| (addr, frames.clone())));
    cache.count = cache.count.saturating_add(answers.len().saturating_sub(before));
}
