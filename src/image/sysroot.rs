//! Paths of the dead process inside a directory that stands for its root.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// As many symbolic links as Linux follows (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// The host path of `path` below `root`, with symbolic links followed as the process would: an absolute link begins
/// at `root` again and `..` does not lead out of it. `None` after too many links.
pub(super) fn resolve(root: &Path, path: &Path) -> Option<PathBuf> {
    let mut host = root.to_owned();
    let mut depth = 0usize;
    let mut links = 0usize;
    let mut todo: VecDeque<OsString> = parts(path).collect();
    while let Some(part) = todo.pop_front() {
        if part == ".." {
            if depth > 0 {
                host.pop();
                depth = depth.saturating_sub(1);
            }
            continue;
        }
        let next = host.join(&part);
        match std::fs::read_link(&next) {
            Ok(link) => {
                links = links.saturating_add(1);
                if links > MAX_LINKS {
                    return None;
                }
                if link.is_absolute() {
                    host = root.to_owned();
                    depth = 0;
                }
                for part in parts(&link).collect::<Vec<_>>().into_iter().rev() {
                    todo.push_front(part);
                }
            }
            Err(_) => {
                host = next;
                depth = depth.saturating_add(1);
            }
        }
    }
    Some(host)
}

fn parts(path: &Path) -> impl Iterator<Item = OsString> + '_ {
    path.components().filter_map(|c| match c {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    })
}

#[cfg(test)]
mod tests {
    use super::resolve;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    #[test]
    fn links_stay_inside_the_root() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        std::fs::create_dir_all(root.join("usr/lib/deep")).unwrap();
        std::fs::write(root.join("usr/lib/libx.so.1.2"), b"").unwrap();
        symlink("usr/lib", root.join("lib")).unwrap();
        symlink("libx.so.1.2", root.join("usr/lib/libx.so.1")).unwrap();
        symlink("/lib/libx.so.1", root.join("usr/lib/deep/abs.so")).unwrap();
        symlink("../../../../../../usr/lib/libx.so.1", root.join("usr/lib/deep/up.so")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        let want = Some(root.join("usr/lib/libx.so.1.2"));
        for path in ["/lib/libx.so.1", "/lib/deep/abs.so", "/usr/lib/deep/up.so", "/../../lib/./libx.so.1.2"] {
            assert_eq!(resolve(root, Path::new(path)), want, "{path}");
        }
        assert_eq!(resolve(root, Path::new("/loop/x")), None);
        assert_eq!(resolve(root, Path::new("/no/such")), Some(root.join("no/such")));
    }
}
