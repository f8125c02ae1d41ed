//! Path patterns: `*`, `?` and `[..]` within a name, `**` for any number of directories.
//!
//! A pattern is a fixed directory, then one segment for each level below it, so that a walk lists
//! only directories that can hold a match.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use fast_glob::glob_match;
use rustix::fs::FileType;

use super::Listing;

/// A path with wildcards.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// The directory above the first wildcard.
    pub(crate) base: PathBuf,
    segments: Vec<Segment>,
}

#[derive(Debug, PartialEq, Eq)]
enum Segment {
    /// `**`: this directory and all below it.
    Anywhere,
    /// Names that match this.
    Name(String),
}

/// What one directory contributes to a walk.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Step {
    /// Directories to list next, each with the segment it is listed for.
    pub(crate) directories: Vec<(PathBuf, usize)>,
    /// Files that match the whole pattern.
    pub(crate) files: Vec<PathBuf>,
}

/// Paths that are never looked at.
#[derive(Debug, Default)]
pub(crate) struct Excludes {
    globs: Vec<String>,
    superseded: Superseded,
}

/// Pairs of names: the first is left out of a directory that holds the second.
pub type Superseded = &'static [(&'static str, &'static str)];

// === impl Pattern ===

impl Pattern {
    /// Takes a path with wildcards apart; `None` when it has none.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        if !path.contains(WILDCARDS) {
            return None;
        }
        let mut base = PathBuf::from("/");
        let mut segments = Vec::new();
        for name in path
            .split('/')
            .filter(|name| !name.is_empty() && *name != ".")
        {
            if segments.is_empty() && !name.contains(WILDCARDS) {
                base.push(name);
            } else if name != "**" {
                // A leading `!` would turn the meaning round.
                let escape = if name.starts_with('!') { "\\" } else { "" };
                segments.push(Segment::Name(format!("{escape}{name}")));
            } else if segments.last() != Some(&Segment::Anywhere) {
                segments.push(Segment::Anywhere);
            }
        }
        Some(Self { base, segments })
    }

    /// One name as a pattern: its directory is listed, and not the name tried.
    pub(crate) fn exactly(path: &str) -> Self {
        let (base, name) = path.rsplit_once('/').unwrap_or(("/", path));
        Self {
            base: Path::new("/").join(base),
            segments: vec![Segment::Name(name.to_owned())],
        }
    }

    /// The files of one directory.
    pub(crate) fn everything() -> Self {
        Self {
            base: PathBuf::from("/"),
            segments: vec![Segment::Name("*".into())],
        }
    }

    /// Whether a directory listed for this segment is one of many below a `**`.
    pub(crate) fn is_anywhere(&self, at: usize) -> bool {
        self.segments.get(at) == Some(&Segment::Anywhere)
    }

    /// Says where to go from a directory that is listed for a segment.
    pub(crate) fn step(
        &self,
        directory: &Path,
        listing: &Listing,
        at: usize,
        follow: bool,
        excludes: &Excludes,
    ) -> Step {
        let mut step = Step::default();
        for (name, kind) in &listing.entries {
            let mut path = PathBuf::with_capacity(directory.as_os_str().len() + 1 + name.len());
            path.push(directory);
            path.push(name);
            if self.matters(name, at)
                && !excludes.cover(&path)
                && !excludes.supersede(name, listing)
            {
                self.place(path, name, *kind, at, follow, &mut step);
            }
        }
        step
    }

    /// kubelet keeps the versions of a projected volume in directories named `..2026_…`: to see
    /// them as well as the links to them would be to see everything twice.
    fn matters(&self, name: &OsStr, at: usize) -> bool {
        !name.as_bytes().starts_with(b"..")
            || matches!(self.segments.get(at), Some(Segment::Name(glob)) if glob.starts_with(".."))
    }

    fn place(
        &self,
        path: PathBuf,
        name: &OsStr,
        kind: FileType,
        at: usize,
        follow: bool,
        step: &mut Step,
    ) {
        let is_file = match kind {
            FileType::RegularFile | FileType::Unknown => true,
            FileType::Symlink => follow,
            _ => false,
        };
        let is_directory = matches!(kind, FileType::Directory | FileType::Unknown);
        let (at, anywhere) = match self.segments.get(at) {
            Some(Segment::Anywhere) => (at + 1, true),
            _ => (at, false),
        };
        let last = at + 1 >= self.segments.len();
        let matches = match self.segments.get(at) {
            Some(Segment::Name(glob)) => matches(glob, name.as_bytes()),
            // The pattern ends in `**`.
            _ => true,
        };
        if matches && !last && (is_directory || (follow && kind == FileType::Symlink)) {
            step.directories.push((path.clone(), at + 1));
        }
        // Links are not followed at any depth, so that no circle is walked.
        if anywhere && is_directory {
            step.directories.push((path.clone(), at - 1));
        }
        if matches && last && is_file {
            step.files.push(path);
        }
    }
}

// === impl Excludes ===

impl Excludes {
    /// Takes patterns; one without a slash is about names, wherever they are.
    pub(crate) fn new(patterns: &[String], superseded: Superseded) -> Self {
        let glob = |pattern: &String| match pattern.trim_end_matches('/') {
            name if !name.contains('/') => format!("**/{name}"),
            path => path.to_owned(),
        };
        Self {
            globs: patterns.iter().map(glob).collect(),
            superseded,
        }
    }

    fn supersede(&self, name: &OsStr, listing: &Listing) -> bool {
        let holds = |by: &str| listing.entries.iter().any(|(name, _)| name == by);
        self.superseded
            .iter()
            .any(|(old, by)| name == *old && holds(by))
    }

    /// Whether a path is left out; its directories are not looked at.
    pub(crate) fn cover(&self, path: &Path) -> bool {
        let bytes = path.as_os_str().as_bytes();
        self.globs
            .iter()
            .any(|glob| glob.as_bytes() == bytes || glob_match(glob, bytes))
    }

    /// Whether a path, or a directory it is in, is left out.
    pub(crate) fn cover_any(&self, path: &Path) -> bool {
        !self.globs.is_empty() && path.ancestors().any(|path| self.cover(path))
    }
}

/// Whether a name matches. Of most patterns, all but the ending is a star.
fn matches(glob: &str, name: &[u8]) -> bool {
    match glob.strip_prefix('*') {
        Some(ending) if !ending.contains(SYNTAX) => name.ends_with(ending.as_bytes()),
        _ => glob_match(glob, name),
    }
}

/// What is more than a character in any place of a pattern.
const SYNTAX: [char; 9] = ['*', '?', '[', ']', '{', '}', ',', '!', '\\'];

const WILDCARDS: [char; 4] = ['*', '?', '[', '{'];

#[cfg(test)]
mod tests {
    use super::*;

    fn step(pattern: &str, at: usize, entries: &[(&str, FileType)]) -> Step {
        let pattern = Pattern::parse(pattern).unwrap();
        let entries = entries
            .iter()
            .map(|(name, kind)| (name.into(), *kind))
            .collect();
        let listing = Listing {
            entries,
            ..Listing::default()
        };
        pattern.step(Path::new("/d"), &listing, at, true, &Excludes::default())
    }

    fn paths(paths: &[&str]) -> Vec<PathBuf> {
        paths.iter().map(PathBuf::from).collect()
    }

    const FILE: FileType = FileType::RegularFile;
    const DIRECTORY: FileType = FileType::Directory;
    const LINK: FileType = FileType::Symlink;

    #[test]
    fn a_path_without_wildcards_is_no_pattern() {
        assert_eq!(Pattern::parse("/etc/ssl/a.pem"), None);
    }

    #[test]
    fn the_base_ends_before_the_first_wildcard() {
        let pattern = Pattern::parse("/etc//ssl/*/x/?.pem").unwrap();
        assert_eq!(pattern.base, Path::new("/etc/ssl"));
        assert_eq!(pattern.segments.len(), 3);
    }

    #[test]
    fn the_last_segment_matches_files_and_links_only() {
        let entries = [
            ("a.pem", FILE),
            ("b.pem", LINK),
            ("c.pem", DIRECTORY),
            ("d.pem", FileType::Fifo),
        ];
        let step = step("/d/*.pem", 0, &entries);
        assert_eq!(step.files, paths(&["/d/a.pem", "/d/b.pem"]));
        assert!(step.directories.is_empty());
    }

    #[test]
    fn a_segment_in_the_middle_matches_directories_and_links() {
        let entries = [("a", FILE), ("b", LINK), ("c", DIRECTORY)];
        let step = step("/d/*/x.pem", 0, &entries);
        assert_eq!(step.directories, [("/d/b".into(), 1), ("/d/c".into(), 1)]);
    }

    #[test]
    fn two_stars_match_here_and_below_but_not_through_links() {
        let entries = [("a.pem", FILE), ("b", LINK), ("c", DIRECTORY)];
        let step = step("/d/**/*.pem", 0, &entries);
        assert_eq!(step.files, paths(&["/d/a.pem"]));
        assert_eq!(step.directories, [("/d/c".into(), 0)]);
    }

    #[test]
    fn two_stars_at_the_end_match_every_file() {
        let step = step("/d/**", 0, &[("a", FILE), ("c", DIRECTORY)]);
        assert_eq!(step.files, paths(&["/d/a"]));
        assert_eq!(step.directories, [("/d/c".into(), 0)]);
    }

    #[test]
    fn versions_of_projected_volumes_are_seen_only_when_asked_for() {
        let entries = [
            ("..data", LINK),
            ("..2026_01", DIRECTORY),
            ("tls.crt", LINK),
        ];
        assert_eq!(step("/d/**", 0, &entries).files, paths(&["/d/tls.crt"]));
        assert_eq!(step("/d/..*/x", 0, &entries).directories.len(), 2);
    }

    #[test]
    fn an_exclamation_mark_at_the_front_is_a_character() {
        let step = step("/d/!*", 0, &[("!a", FILE), ("b", FILE)]);
        assert_eq!(step.files, paths(&["/d/!a"]));
    }

    #[test]
    fn what_is_superseded_is_left_out_where_its_successor_is() {
        let pattern = Pattern::exactly("/d/old");
        let excludes = Excludes::new(&[], &[("old", "new")]);
        let files = |names: &[&str]| {
            let listing = Listing {
                entries: names.iter().map(|name| (name.into(), FILE)).collect(),
                ..Listing::default()
            };
            let step = pattern.step(Path::new("/d"), &listing, 0, true, &excludes);
            step.files.len()
        };
        assert_eq!((files(&["old"]), files(&["old", "new"])), (1, 0));
    }

    #[test]
    fn a_star_and_an_ending_match_as_any_pattern_does() {
        for glob in ["*", "*.pem", "*a", "*.p?m", "*[ab]", "*{a,b}", "*\\*", "a*"] {
            for name in ["", "a", ".pem", "a.pem", "a.pem.old", "b*", "a,b}", "\\"] {
                let expected = glob_match(glob, name);
                assert_eq!(matches(glob, name.as_bytes()), expected, "{glob} {name}");
            }
        }
    }

    #[test]
    fn a_broken_pattern_matches_nothing() {
        assert_eq!(
            step("/d/[a", 0, &[("a", FILE), ("[a", FILE)]),
            Step::default()
        );
    }

    #[test]
    fn excludes_cover_paths_names_and_whole_directories() {
        let excludes = Excludes::new(
            &[
                "/etc/ssl/private/".into(),
                "*.key".into(),
                "/opt/**/old".into(),
            ],
            &[],
        );
        assert!(excludes.cover_any(Path::new("/etc/ssl/private/a.pem")));
        assert!(excludes.cover_any(Path::new("/etc/ssl/a.key")));
        assert!(excludes.cover_any(Path::new("/opt/a/b/old/c.pem")));
        assert!(!excludes.cover_any(Path::new("/etc/ssl/a.pem")));
    }
}
