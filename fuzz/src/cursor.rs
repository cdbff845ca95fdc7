//! Cursors and page sizes, as callers send them.

use goalwright_application::Error;
use goalwright_application::read::{Cursor, DEFAULT_LIMIT, MAX_LIMIT, PageRequest};

/// The lists that cursors are of; none may be taken for another.
const LISTS: [&str; 5] = ["goals", "tasks", "agents", "events", "experiences"];

/// Reads the text as a cursor of each list, as the key of a cursor, and its beginning as a limit.
///
/// # Panics
/// If a law is broken.
pub fn check(text: &str) {
    let mut taken = 0;
    for list in LISTS {
        match PageRequest::parse(list, None, Some(text)) {
            Ok(page) => {
                taken += 1;
                assert_eq!(page.limit, DEFAULT_LIMIT);
                let cursor = page.after.expect("a cursor that was sent is kept");
                assert_eq!(cursor.show(list), text, "a cursor is shown as it was read");
            }
            Err(error) => check_refusal(&error, "cursor"),
        }
        let cursor = Cursor(text.to_owned());
        match PageRequest::parse(list, Some(1), Some(&cursor.show(list))) {
            Ok(page) => assert_eq!(page.after, Some(cursor), "a cursor is read as it was shown"),
            // Keys of the product are ids, positions and moments: never empty, never this long.
            Err(_) => assert!(text.is_empty() || text.len() > 300, "{text:?} is a good key"),
        }
    }
    assert!(taken <= 1, "{text:?} is a cursor of {taken} lists");
    check_limit(text);
}

fn check_limit(text: &str) {
    let Ok(limit) = text.trim().parse::<u64>() else { return };
    match PageRequest::parse("tasks", Some(limit), None) {
        Ok(page) => assert!(page.limit == limit && (1..=MAX_LIMIT).contains(&limit), "{limit}"),
        Err(error) => {
            assert!(!(1..=MAX_LIMIT).contains(&limit), "{limit} is a good limit");
            check_refusal(&error, "limit");
        }
    }
}

fn check_refusal(error: &Error, path: &str) {
    let Error::Invalid { violations, .. } = error else { panic!("{error:?} says what is wrong") };
    let paths: Vec<&str> = violations.iter().map(|violation| violation.path.as_str()).collect();
    assert_eq!(paths, [path], "{error:?} names what is wrong");
}
