//! Short texts that callers send: ids, moments, idempotency keys, and titles that become slugs.

use goalwright_application::idempotency::{KEY_LIMIT, RequestKey};
use goalwright_domain::Timestamp;
use goalwright_domain::task::{TaskId, slugify};

/// Reads the bytes as each of them.
///
/// # Panics
/// If a law is broken.
pub fn check(bytes: &[u8]) {
    check_key(bytes);
    let text = crate::text(bytes);
    if let Ok(id) = text.parse::<TaskId>() {
        assert_eq!(id.to_string().parse::<TaskId>().ok(), Some(id), "an id is read as it is shown");
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        let shown = at.to_string();
        assert_eq!(shown.len(), "2025-11-04T18:29:12.000000Z".len(), "{shown} sorts as text");
        assert_eq!(shown.parse(), Ok(at), "a moment is read as it is shown");
    }
    let slug = slugify(text);
    assert_eq!(slugify(&slug), slug, "a slug is its own slug");
    assert!((1..=60).contains(&slug.chars().count()), "{slug} is short");
    assert!(slug.chars().all(|c| c == '-' || c.is_alphanumeric()), "{slug} is letters, digits and hyphens");
}

fn check_key(bytes: &[u8]) {
    let printable = bytes.iter().all(|byte| (b' '..=b'~').contains(byte));
    let good = printable && (1..=KEY_LIMIT).contains(&bytes.len());
    assert_eq!(RequestKey::new(bytes, &[]).is_ok(), good);
    // However a request is cut into parts, other parts are another request.
    let of = |parts: &[&[u8]]| RequestKey::new(b"key", parts).expect("a good key");
    let middle = bytes.len() / 2;
    let (head, tail) = bytes.split_at(middle);
    assert_eq!(of(&[head, tail]), of(&[head, tail]));
    assert_ne!(of(&[head, tail]), of(&[bytes]));
    if middle > 0 {
        let (shorter, longer) = bytes.split_at(middle - 1);
        assert_ne!(of(&[head, tail]), of(&[shorter, longer]));
    }
}
