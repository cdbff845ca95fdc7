use std::borrow::Cow;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::scrub::{Kind, find, scrub, scrub_under};

proptest! {
    #[test]
    fn scrubbing_twice_is_scrubbing_once(text in "(?s)([-0-9@.:=+() /\\n\"'&?_%a-f]|[a-z]{1,6}@[a-z]{1,4}\\.de|password=|://|Bearer |4111 1111 1111 1111|\\[email\\]|[٠-٩]|\\PC){0,60}") {
        let once = scrub(&text).into_owned();
        prop_assert_eq!(scrub(&once), once.as_str());
        prop_assert_eq!(find(&once), vec![]);
    }

    #[test]
    fn whatever_stands_around_an_address_it_is_found(before in "[ ,;(<\"]{1,3}", after in "[ ,;)>\"]{1,3}") {
        let text = format!("x{before}ada@example.org{after}y");
        prop_assert!(!scrub(&text).contains("ada@"));
    }
}

#[test]
fn a_text_with_nothing_in_it_is_not_copied() {
    for text in ["", "Paint the fence", "nothing: here = at all", "été à Lugo"] {
        assert!(matches!(scrub(text), Cow::Borrowed(same) if same == text));
    }
}

#[test]
fn the_name_of_a_field_tells_what_a_number_is() {
    assert_eq!(scrub_under("ssn", "219099999"), "[government-id]");
    assert_eq!(scrub_under("phone_number", "4155552671"), "[phone]");
    assert_eq!(scrub_under("count", "4155552671"), "4155552671");
    assert_eq!(scrub_under("version", "1.2.3.4"), "1.2.3.4");
    assert_eq!(scrub_under("peer", "1.2.3.4"), "[ip]");
}

#[test]
fn what_is_behind_a_piece_that_was_replaced_is_read_again() {
    assert_eq!(scrub("4111 1111 1111 1111 5@example.org"), "[card] [email]");
    assert_eq!(scrub("password=ann@example.org"), "password=[secret]");
}

#[test]
fn placeholders_stay() {
    for kind in Kind::ALL {
        for text in [
            "{}",
            "password={}",
            "a {} b",
            "https://{}@example.org",
            "Bearer {}",
            "?token={}&a",
            "\"secret\": \"{}\"",
        ] {
            let text = text.replace("{}", kind.placeholder());
            assert_eq!(scrub(&text), text);
        }
    }
}

/// Hostile texts: one unit, over and over.
const UNITS: &[&str] = &[
    "1",
    "@",
    "-",
    ":",
    "=",
    "a",
    "1-",
    "1 ",
    "1.",
    "a@",
    "a@b.",
    "://",
    "://a@",
    "(1)",
    "+1",
    "eyJ",
    "eyJa.",
    "eyJ-",
    "password=$",
    "token=",
    "cookie:",
    "sk-",
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN ",
    "--a ",
    "a=",
    "password=",
    "password: ",
    "\"password\": \"",
    "::",
    "1:",
    "f:",
    "DE89",
    "DE89 ",
    "tel 1234567 ",
    "0171 ",
    "Bearer ",
    "Basic ",
    "4111 ",
    "411111111111111",
    "1.1.1.1.",
    "%40",
    "\u{200b}",
    "１",
    "٣",
    "\u{0301}",
    "ä",
    "ä@",
    "中@",
    "電話 1 ",
    "Cookie: a",
    "ABCPE1234F",
    "[email]",
    "\\\"",
    "\"",
    "'",
    "SSN 1234567 ",
    "_",
    "X1",
    "AA1",
];

/// The time for a text of so many bytes, the best of two.
fn time(unit: &str, bytes: usize) -> Duration {
    let text = unit.repeat(bytes / unit.len());
    let timed = |_| {
        let started = Instant::now();
        std::hint::black_box(scrub(&text));
        started.elapsed()
    };
    (0..2).map(timed).min().unwrap_or_default()
}

#[test]
fn hostile_texts_cost_linear_time() {
    const SMALL: usize = 4 * 1024;
    for unit in UNITS {
        // Eight times for eight times as much, in one of many looks: a machine may be busy, but what costs the square of its
        // length costs 64 times as much whenever one looks.
        let mut looks = (0..20).map(|_| (time(unit, SMALL), time(unit, 8 * SMALL)));
        let is_linear = looks.any(|(small, large)| large < small * 16 + Duration::from_millis(5));
        assert!(is_linear, "{unit:?}");
    }
}

#[test]
#[ignore = "measures; run it alone, built for release"]
fn cost() {
    let texts = [
        (
            "short, nothing in it",
            "Paint the fence and tell the neighbours about it when it is dry enough".to_owned(),
        ),
        ("1 KiB of prose", "The quick brown fox jumps over the lazy dog, and nobody minds. ".repeat(17)),
        (
            "1 KiB of log lines",
            "2025-11-04T18:29:12.123Z INFO claimed=12 ready=4 took=18ms id=01890a5d-ac96-774b\n".repeat(13),
        ),
        (
            "1 KiB with addresses",
            "write to ada@example.org or call +44 20 7946 0958 from 203.0.113.9 today; ".repeat(14),
        ),
        (
            "1 KiB of JSON",
            r#"{"id":"a1","n":12,"path":"src/a.rs","ok":true,"list":[1,2,3],"name":"x"},"#.repeat(14),
        ),
    ];
    for (name, text) in texts {
        scrub(&text);
        let started = Instant::now();
        for _ in 0..2000 {
            std::hint::black_box(scrub(std::hint::black_box(&text)));
        }
        let each = started.elapsed() / 2000;
        println!(
            "{name:<24} {:>5} bytes {each:>10.1?}, {:>9.1?} for a KiB",
            text.len(),
            each * 1024 / u32::try_from(text.len()).unwrap()
        );
    }
    let metadata = serde_json::json!({
        "run_id": "01890a5d-ac96-774b-bcce-b302099a8057", "span_id": "550e8400-e29b-41d4-a716-446655440000", "attempt": 1,
        "agent_id": "01890a5d-ac96-774b-bcce-b302099a8058", "error": null,
    });
    let started = Instant::now();
    for _ in 0..2000 {
        std::hint::black_box(crate::experience::audit_value(std::hint::black_box(&metadata)));
    }
    println!("the metadata of an event   {:>10.1?}", started.elapsed() / 2000);
    for unit in UNITS {
        println!("1 MiB of {unit:?}: {:.1?}", time(unit, 1024 * 1024));
    }
}
