//! What a call left in its folder, told from how the folder was before and after it.

use std::collections::{BTreeMap, BTreeSet};

/// So many paths are listed of each kind; the rest is counted.
pub const LISTED: usize = 1_000;

/// What stands under a name in a folder. Links are not followed: they are what they point to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FolderEntry {
    /// A regular file.
    File {
        /// Its size in bytes.
        bytes: u64,
        /// When its content was last written, in nanoseconds since 1970, as the file system has it.
        modified: i128,
        /// When anything of it was last changed, its name and permissions included; nobody can set this back.
        changed: i128,
        /// What is known of its content besides.
        content: Content,
    },
    /// A symbolic link.
    Link {
        /// Where it points, as it is written in it.
        to: String,
    },
}

/// What is known of a file's content besides size and times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Nothing, and nothing is needed: size and times tell whether it is written to.
    Stamped,
    /// Its digest, since it was written so shortly before that another write could bear the same times.
    Hashed(String),
    /// Its digest would be needed, and was not taken: too much was to be read, or it could not be.
    Unread,
}

/// A folder at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderState {
    /// By path, relative to the folder, with `/` between folders.
    pub entries: BTreeMap<String, FolderEntry>,
    /// Paths below which nobody looked; the empty path is all of it.
    pub unseen: BTreeSet<String>,
}

impl FolderState {
    /// Whether somebody looked at this path.
    pub fn saw(&self, path: &str) -> bool {
        if self.unseen.is_empty() {
            return true;
        }
        let above = path.match_indices('/').map(|(end, _)| &path[..end]);
        !std::iter::once("").chain(above).chain([path]).any(|place| self.unseen.contains(place))
    }
}

/// What differs between two moments of a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderChanges {
    /// What is there now and was not, sorted.
    pub created: Vec<String>,
    /// What was written to or replaced, sorted. A file that was written with the content that it had counts.
    pub changed: Vec<String>,
    /// What is gone, sorted.
    pub deleted: Vec<String>,
    /// Where nobody looked, before or after, sorted.
    pub unseen: Vec<String>,
    /// Files of which neither size nor times nor content told whether they were written to, sorted.
    pub undecided: Vec<String>,
}

impl FolderChanges {
    /// What became of a folder. Nothing is claimed of a place that was not seen both before and after.
    pub fn between(before: &FolderState, after: &FolderState) -> Self {
        let mut changes = Self::default();
        for (path, now) in &after.entries {
            match before.entries.get(path) {
                None if before.saw(path) => changes.created.push(path.clone()),
                None => {}
                Some(then) => match differ(then, now) {
                    Some(true) => changes.changed.push(path.clone()),
                    Some(false) => {}
                    None => changes.undecided.push(path.clone()),
                },
            }
        }
        let gone = before.entries.keys().filter(|path| !after.entries.contains_key(*path));
        changes.deleted = gone.filter(|path| after.saw(path)).cloned().collect();
        changes.unseen = before.unseen.union(&after.unseen).cloned().collect();
        changes
    }

    /// What was created or changed, sorted; at most [`LISTED`].
    pub fn written(&self) -> Vec<String> {
        let mut written: Vec<String> = self.created.iter().chain(&self.changed).cloned().collect();
        written.sort_unstable();
        written.truncate(LISTED);
        written
    }

    /// What is gone, sorted; at most [`LISTED`].
    pub fn removed(&self) -> Vec<String> {
        self.deleted.iter().take(LISTED).cloned().collect()
    }

    /// What the lists do not tell; none if they tell everything.
    pub fn caveat(&self) -> Option<String> {
        let mut said = Vec::new();
        if !self.unseen.is_empty() {
            let places = shown(self.unseen.iter().map(|place| if place.is_empty() { "." } else { place }));
            said.push(format!("not everything was looked at: {places}"));
        }
        if !self.undecided.is_empty() {
            let files = shown(self.undecided.iter().map(String::as_str));
            said.push(format!("it could not be told whether these were written to: {files}"));
        }
        let written = self.created.len() + self.changed.len();
        for (count, what) in [(written, "written"), (self.deleted.len(), "deleted")] {
            if let Some(more) = count.checked_sub(LISTED).filter(|more| *more > 0) {
                said.push(format!("{more} more files were {what} than are listed"));
            }
        }
        (!said.is_empty()).then(|| said.join("; "))
    }
}

/// Whether an entry was written to or replaced; none if that cannot be told.
fn differ(then: &FolderEntry, now: &FolderEntry) -> Option<bool> {
    use FolderEntry::{File, Link};
    match (then, now) {
        (Link { to: then }, Link { to: now }) => Some(then != now),
        (
            File { bytes, modified, changed, content },
            File { bytes: bytes_now, modified: modified_now, changed: changed_now, content: content_now },
        ) => {
            if (bytes, modified, changed) != (bytes_now, modified_now, changed_now) {
                return Some(true);
            }
            match (content, content_now) {
                (Content::Stamped, _) => Some(false),
                (Content::Hashed(then), Content::Hashed(now)) => Some(then != now),
                (Content::Hashed(_) | Content::Unread, _) => None,
            }
        }
        (Link { .. }, File { .. }) | (File { .. }, Link { .. }) => Some(true),
    }
}

fn shown<'a>(paths: impl ExactSizeIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 5;
    let more = paths.len().saturating_sub(SHOWN);
    let mut shown: Vec<String> = paths.take(SHOWN).map(|path| format!("`{path}`")).collect();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(bytes: u64, time: i128, content: Content) -> FolderEntry {
        FolderEntry::File { bytes, modified: time, changed: time, content }
    }

    fn state(entries: &[(&str, FolderEntry)], unseen: &[&str]) -> FolderState {
        FolderState {
            entries: entries.iter().map(|(path, entry)| ((*path).to_owned(), entry.clone())).collect(),
            unseen: unseen.iter().map(|path| (*path).to_owned()).collect(),
        }
    }

    #[test]
    fn size_times_and_content_decide_in_this_order() {
        let hashed = |digest: &str| Content::Hashed(digest.to_owned());
        let link = |to: &str| FolderEntry::Link { to: to.to_owned() };
        let stamped = file(1, 5, Content::Stamped);
        for (then, now, expected) in [
            (stamped.clone(), stamped.clone(), Some(false)),
            (stamped.clone(), file(2, 5, Content::Stamped), Some(true)),
            (stamped.clone(), file(1, 6, Content::Stamped), Some(true)),
            (
                stamped.clone(),
                FolderEntry::File { bytes: 1, modified: 5, changed: 6, content: Content::Stamped },
                Some(true),
            ),
            (file(1, 5, hashed("a")), file(1, 5, hashed("a")), Some(false)),
            (file(1, 5, hashed("a")), file(1, 5, hashed("b")), Some(true)),
            (file(1, 5, hashed("a")), file(1, 6, Content::Stamped), Some(true)),
            (file(1, 5, hashed("a")), file(1, 5, Content::Unread), None),
            (file(1, 5, Content::Unread), file(1, 5, Content::Stamped), None),
            (link("a"), link("a"), Some(false)),
            (link("a"), link("b"), Some(true)),
            (link("a"), stamped.clone(), Some(true)),
            (stamped, link("a"), Some(true)),
        ] {
            assert_eq!(differ(&then, &now), expected, "{then:?} {now:?}");
        }
    }

    #[test]
    fn what_was_not_looked_at_is_said_and_nothing_is_claimed_of_it() {
        let entry = || file(1, 1, Content::Stamped);
        let before = state(&[("a", entry()), ("b/c", entry()), ("kept", entry())], &["d"]);
        let after = state(&[("d/e", entry()), ("dd", entry()), ("kept", entry())], &["b"]);
        let changes = FolderChanges::between(&before, &after);
        assert_eq!((changes.created, changes.deleted), (vec!["dd".to_owned()], vec!["a".to_owned()]));
        assert_eq!(changes.unseen, ["b", "d"]);
        let blind = FolderChanges::between(&before, &state(&[], &[""]));
        assert_eq!((blind.deleted.len(), blind.caveat().is_some()), (0, true));
        assert!(blind.caveat().expect("said").contains("`.`"));
        let many: Vec<String> = (0..LISTED + 7).map(|n| format!("{n:05}")).collect();
        let many = FolderState {
            entries: many.into_iter().map(|path| (path, entry())).collect(),
            unseen: BTreeSet::new(),
        };
        let changes = FolderChanges::between(&FolderState::default(), &many);
        assert_eq!(changes.written().len(), LISTED);
        assert_eq!(changes.caveat().as_deref(), Some("7 more files were written than are listed"));
        assert_eq!(FolderChanges::between(&many, &many).caveat(), None);
    }

    fn states() -> impl Strategy<Value = FolderState> {
        let content =
            prop_oneof![Just(Content::Stamped), "[ab]".prop_map(Content::Hashed), Just(Content::Unread),];
        let entry = prop_oneof![
            4 => (0..3_u64, 0..3_i128, content).prop_map(|(bytes, time, content)| file(bytes, time, content)),
            1 => "[ab]".prop_map(|to| FolderEntry::Link { to }),
        ];
        let entries = prop::collection::btree_map("[ab](/[ab]){0,2}", entry, 0..12);
        let unseen = prop::collection::btree_set("([ab](/[ab])?)?", 0..2);
        (entries, unseen).prop_map(|(entries, unseen)| {
            let mut state = FolderState { entries: BTreeMap::new(), unseen };
            state.entries = entries.into_iter().filter(|(path, _)| state.saw(path)).collect();
            state
        })
    }

    proptest! {
        #[test]
        fn every_path_is_told_once_and_only_if_it_was_seen(before in states(), after in states()) {
            let changes = FolderChanges::between(&before, &after);
            let lists = [&changes.created, &changes.changed, &changes.deleted, &changes.undecided];
            let mut told = BTreeSet::new();
            for list in lists {
                prop_assert!(list.is_sorted());
                for path in list {
                    prop_assert!(told.insert(path.clone()), "{path} twice");
                    prop_assert!(before.saw(path) && after.saw(path), "{path} was not seen");
                }
            }
            for path in before.entries.keys().chain(after.entries.keys()) {
                let same = before.entries.get(path) == after.entries.get(path);
                let seen = before.saw(path) && after.saw(path);
                prop_assert!(same || !seen || told.contains(path) || agrees(&before, &after, path), "{path} is missing");
            }
            prop_assert_eq!(changes.written().len(), changes.created.len() + changes.changed.len());
        }

        #[test]
        fn backwards_what_was_created_is_deleted(before in states(), after in states()) {
            let (there, back) =
                (FolderChanges::between(&before, &after), FolderChanges::between(&after, &before));
            prop_assert_eq!(there.created, back.deleted);
            prop_assert_eq!(there.deleted, back.created);
            prop_assert_eq!(there.unseen, back.unseen);
        }

        #[test]
        fn nothing_differs_from_itself(state in states()) {
            let changes = FolderChanges::between(&state, &state);
            prop_assert!(changes.written().is_empty() && changes.deleted.is_empty());
        }
    }

    /// Entries that differ in nothing but how much is known of them.
    fn agrees(before: &FolderState, after: &FolderState, path: &str) -> bool {
        before
            .entries
            .get(path)
            .zip(after.entries.get(path))
            .is_some_and(|(a, b)| differ(a, b) == Some(false))
    }
}
