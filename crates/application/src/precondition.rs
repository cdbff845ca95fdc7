//! What a caller has seen before it changes something.

use crate::Error;

/// Which revisions a change may be made to. It is checked under the lock of the change, so that of two callers who saw
/// the same revision one is told (RFC 9110, 13.1.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Whatever it is by now.
    #[default]
    Any,
    /// One of these; of none of them if the caller saw something else.
    OneOf(Vec<i64>),
}

impl Precondition {
    /// Compares with the revision that was found.
    ///
    /// # Errors
    /// [`Error::Stale`] naming the present revision.
    pub fn check(&self, revision: i64) -> Result<(), Error> {
        match self {
            Self::Any => Ok(()),
            Self::OneOf(seen) if seen.contains(&revision) => Ok(()),
            Self::OneOf(_) => Err(Error::Stale { revision }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_seen_may_be_changed() {
        assert!(Precondition::Any.check(7).is_ok());
        assert!(Precondition::OneOf(vec![6, 7]).check(7).is_ok());
        for seen in [vec![], vec![6], vec![8]] {
            let refused = Precondition::OneOf(seen).check(7).expect_err("another revision");
            assert_eq!(refused.code(), "precondition_failed");
        }
    }
}
