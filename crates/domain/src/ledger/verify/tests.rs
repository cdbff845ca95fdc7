use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::canonical;

static NOTHING: Noted = Noted { anchor: None, losses: Vec::new() };

fn key() -> SealKey {
    SealKey::from_secret(b"a secret for tests")
}

fn workspace() -> WorkspaceId {
    WorkspaceId::new(Uuid::from_u128(7))
}

fn chain(length: i64) -> (Vec<Link>, Head) {
    let mut seal: Option<String> = None;
    let mut links = Vec::new();
    for position in 1..=length {
        let digest = canonical::digest(&serde_json::json!({"n": position}));
        let next = key().seal(seal.as_deref(), workspace(), position, &digest);
        links.push(Link {
            id: EventId::new(Uuid::from_u128(position.unsigned_abs().into())),
            position,
            recomputed: Some(digest.clone()),
            digest,
            seal: Some(next.clone()),
            redacted_by: None,
            told: None,
        });
        seal = Some(next);
    }
    let mark = seal.as_ref().map(|seal| key().head_mark(workspace(), length, seal));
    (links, Head { position: length, sealed: length, seal, mark })
}

/// The position that the verifier stops at, with the reason; 0 is the head.
fn verify(links: &[Link], head: &Head) -> Result<(), (i64, Broken)> {
    let keys = KeyRing::from(key());
    let mut verifier = Verifier::new(&keys, workspace(), head.clone(), &NOTHING);
    for link in links {
        verifier.follow(link).map_err(|broken| (link.position, broken))?;
    }
    verifier.finish().map_err(|broken| (0, broken))
}

#[test]
fn a_chain_that_nobody_touched_is_whole() {
    for length in [0, 1, 2, 50] {
        let (links, head) = chain(length);
        assert_eq!(verify(&links, &head), Ok(()));
    }
}

#[test]
fn another_key_fits_nothing() {
    let (links, head) = chain(1);
    let other = SealKey::from_secret(b"another");
    let keys = KeyRing::from(other.clone());
    let mut verifier = Verifier::new(&keys, workspace(), head, &NOTHING);
    assert_eq!(verifier.follow(&links[0]), Err(Broken::Unfitting));
    assert_ne!(other.fingerprint(), key().fingerprint());
}

#[test]
fn what_is_not_sealed_yet_may_follow_but_nothing_sealed_after_it() {
    let (mut links, head) = chain(4);
    links[2].seal = None;
    assert_eq!(verify(&links, &head), Err((3, Broken::Unsealed)));
    let seal = links[1].seal.clone().expect("sealed");
    let mark = Some(key().head_mark(workspace(), 2, &seal));
    let earlier = Head { position: 4, sealed: 2, mark, seal: Some(seal) };
    assert_eq!(verify(&links, &earlier), Err((4, Broken::Unsealed)));
    links[3].seal = None;
    assert_eq!(verify(&links, &earlier), Ok(()));
}

#[test]
fn what_is_appended_meanwhile_is_no_contradiction() {
    let (links, _) = chain(9);
    let (_, head) = chain(5);
    assert_eq!(verify(&links, &head), Ok(()));
}

#[test]
fn a_history_that_was_sealed_anew_is_not_the_one_that_was_noted_outside() {
    let (links, head) = chain(6);
    let noted = |links: &[Link]| Some(Anchor { position: 4, seal: links[3].seal.clone().expect("sealed") });
    let with = |links: &[Link], head: &Head, anchor| {
        let keys = KeyRing::from(key());
        let noted = Noted { anchor, losses: Vec::new() };
        let mut verifier = Verifier::new(&keys, workspace(), head.clone(), &noted);
        for link in links {
            verifier.follow(link)?;
        }
        verifier.finish()
    };
    assert_eq!(with(&links, &head, noted(&links)), Ok(()));
    // Somebody strips the seals, changes the second event, and lets the program seal everything again.
    let mut rewritten = links.clone();
    let mut seal = None;
    for link in &mut rewritten {
        if link.position == 2 {
            link.digest = "sha256:other".to_owned();
            link.recomputed = Some(link.digest.clone());
        }
        let next = key().seal(seal.as_deref(), workspace(), link.position, &link.digest);
        link.seal = Some(next.clone());
        seal = Some(next);
    }
    let mark = seal.as_ref().map(|seal| key().head_mark(workspace(), 6, seal));
    let anew = Head { seal, mark, ..head };
    assert_eq!(with(&rewritten, &anew, None), Ok(()));
    assert_eq!(with(&rewritten, &anew, noted(&links)), Err(Broken::Rewritten));
    // A shorter one from an old copy.
    let (short, old) = chain(3);
    assert_eq!(with(&short, &old, None), Ok(()));
    assert_eq!(with(&short, &old, noted(&links)), Err(Broken::TailRemoved { count: 1 }));
}

fn redacted(links: &mut [Link], at: usize, by: usize, mark: Option<&str>) {
    let events = vec![(links[at].id, links[at].digest.clone())];
    let by_id = links[by].id;
    let fitting = key().redaction_mark(workspace(), by_id, &events);
    links[at].recomputed = None;
    links[at].redacted_by = Some(by_id);
    links[by].told = Some(Told::Redaction { events, mark: mark.map_or(fitting, str::to_owned) });
}

#[test]
fn a_redacted_event_keeps_its_place_if_a_holder_of_the_key_said_so() {
    let (mut links, head) = chain(4);
    redacted(&mut links, 1, 3, None);
    assert_eq!(verify(&links, &head), Ok(()));
    // Nobody says so.
    let mut silent = links.clone();
    silent[3].told = None;
    assert_eq!(verify(&silent, &head), Err((0, Broken::Blanked)));
    // Another event does.
    let mut other = links.clone();
    other[1].redacted_by = Some(links[2].id);
    assert_eq!(verify(&other, &head), Err((0, Broken::Blanked)));
    // Somebody without the key does.
    redacted(&mut links, 1, 3, Some("forged"));
    assert_eq!(verify(&links, &head), Err((4, Broken::Forged)));
}

/// A chain whose second half is sealed with another key, told by an event in the middle.
fn continued(handed_over: bool) -> (Vec<Link>, Head, SealKey, Loss) {
    let (mut links, _) = chain(7);
    let new = SealKey::from_secret(b"the next one");
    let (before, from_key) = (links[2].seal.clone().expect("sealed"), key().fingerprint());
    links[3].told = Some(Told::Continuation(Continuation {
        position: 3,
        seal: before.clone(),
        mark: new.continuation_mark(workspace(), 3, &before, &from_key),
        handover: handed_over.then(|| key().continuation_mark(workspace(), 3, &before, &new.fingerprint())),
        from_key: from_key.clone(),
        to_key: new.fingerprint(),
    }));
    let mut seal = before.clone();
    for link in &mut links[3..] {
        seal = new.seal(Some(&seal), workspace(), link.position, &link.digest);
        link.seal = Some(seal.clone());
    }
    let mark = Some(new.head_mark(workspace(), 7, &seal));
    let head = Head { position: 7, sealed: 7, seal: Some(seal), mark };
    let at = "2026-01-01T00:00:00Z".parse().expect("time");
    (links, head, new, Loss { position: 3, seal: before, key: from_key, at, noted: None })
}

fn with(keys: &KeyRing, noted: &Noted, links: &[Link], head: &Head) -> Result<i64, Broken> {
    let mut verifier = Verifier::new(keys, workspace(), head.clone(), noted);
    for link in links {
        verifier.follow(link)?;
    }
    verifier.finish().map(|()| verifier.unverifiable())
}

#[test]
fn what_was_handed_over_is_verified_with_both_keys() {
    let (links, head, new, _) = continued(true);
    let both = KeyRing::new(new.clone(), vec![key()]);
    assert_eq!(with(&both, &NOTHING, &links, &head), Ok(0));
    assert_eq!(with(&KeyRing::from(new), &NOTHING, &links, &head), Err(Broken::Unfitting));
    let lost = with(&KeyRing::from(key()), &NOTHING, &links, &head);
    assert!(matches!(lost, Err(Broken::KeyMissing { .. })), "{lost:?}");
    let mut forged = links;
    if let Some(Told::Continuation(told)) = &mut forged[3].told {
        told.handover = Some("forged".to_owned());
    }
    assert_eq!(with(&both, &NOTHING, &forged, &head), Err(Broken::Forged));
}

#[test]
fn a_loss_counts_where_it_was_noted_outside_the_database_and_nowhere_else() {
    let (links, head, new, loss) = continued(false);
    let (ring, from_key) = (KeyRing::from(new.clone()), loss.key.clone());
    let noted = Noted { anchor: None, losses: vec![loss.clone()] };
    assert_eq!(with(&ring, &noted, &links, &head), Ok(3));
    assert_eq!(with(&ring, &NOTHING, &links, &head), Err(Broken::Unfitting));
    // The key is found: all of it is verified again.
    let found = KeyRing::new(new, vec![key()]);
    assert_eq!(with(&found, &noted, &links, &head), Ok(0));
    assert_eq!(with(&found, &NOTHING, &links, &head), Err(Broken::Unfitting));
    // What nobody can verify is still held against what was noted before, and against its digests.
    let anchor = Some(Anchor { position: 2, seal: "another".to_owned() });
    let contradicted = Noted { anchor: None, losses: vec![Loss { noted: anchor, ..loss.clone() }] };
    assert_eq!(with(&ring, &contradicted, &links, &head), Err(Broken::Rewritten));
    let mut other_end = links.clone();
    other_end[2].seal = Some("another".to_owned());
    assert_eq!(with(&ring, &noted, &other_end, &head), Err(Broken::Rewritten));
    let mut changed = links.clone();
    changed[0].recomputed = Some("sha256:other".to_owned());
    assert_eq!(with(&ring, &noted, &changed, &head), Err(Broken::Changed));
    // A second loss that only the ledger knows of.
    let elsewhere = Noted { losses: vec![Loss { position: 9, ..loss }], ..Noted::default() };
    let pretended = with(&found, &elsewhere, &links, &head);
    assert!(matches!(pretended, Err(Broken::Unfitting)), "{pretended:?}");
    let mut told = links;
    told[4].told = told[3].told.clone();
    if let Some(Told::Continuation(told)) = &mut told[4].told {
        told.position = 4;
    }
    assert_eq!(with(&found, &noted, &told, &head), Err(Broken::Forged), "{from_key}");
}

#[test]
fn what_is_noted_reads_as_it_did_before_there_were_losses() {
    let old: Noted = serde_json::from_str(r#"{"position": 4, "seal": "ab"}"#).expect("reads");
    assert_eq!(old.anchor, Some(Anchor { position: 4, seal: "ab".to_owned() }));
    let text = serde_json::to_string(&old).expect("writes");
    assert_eq!(serde_json::from_str::<Noted>(&text).expect("reads"), old);
    assert_eq!(serde_json::from_str::<Noted>("{}").expect("reads"), NOTHING);
}

proptest! {
    #[test]
    fn whoever_lacks_the_key_cannot_change_anything(at in 0usize..20, with in 0usize..20, how in 0u8..7) {
        let (mut links, mut head) = chain(20);
        let expected = match how {
            0 => {
                links[at].recomputed = Some("sha256:other".to_owned());
                at + 1
            }
            // Payload and digest together.
            1 => {
                links[at].recomputed = Some("sha256:other".to_owned());
                links[at].digest = "sha256:other".to_owned();
                at + 1
            }
            2 => {
                links.remove(at);
                // Without its tail only the head tells.
                if at == 19 { 0 } else { at + 2 }
            }
            // Removed, and the rest moved up.
            3 => {
                links.remove(at);
                for link in &mut links[at..] {
                    link.position -= 1;
                }
                if at == 19 { 0 } else { at + 1 }
            }
            4 => {
                prop_assume!(at < with);
                links.swap(at, with);
                let (a, b) = (links[at].position, links[with].position);
                (links[at].position, links[with].position) = (b, a);
                at + 1
            }
            // A copy that is put in between.
            5 => {
                let copy = links[with].clone();
                links.insert(at, copy);
                for (index, link) in links.iter_mut().enumerate() {
                    link.position = i64::try_from(index).expect("small") + 1;
                }
                // Where it is put before itself nothing is wrong until the next one.
                if with == at { at + 2 } else { at + 1 }
            }
            // The tail, and the head to go with it.
            _ => {
                links.truncate(at);
                head.position = i64::try_from(at).expect("small");
                head.sealed = head.position;
                head.seal = links.last().and_then(|link| link.seal.clone());
                0
            }
        };
        let found = verify(&links, &head);
        prop_assert_eq!(found.map_err(|(position, _)| position), Err(i64::try_from(expected).expect("small")));
    }
}
