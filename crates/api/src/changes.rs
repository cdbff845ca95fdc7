//! Fields of bodies that change something: left out, null, or a value.

use goalwright_application::Error;
use goalwright_domain::Violation;
use poem_openapi::types::MaybeUndefined;

/// The new value where clearing means nothing at all: none where the field is left out.
pub(crate) fn optional<T>(field: MaybeUndefined<T>) -> Option<Option<T>> {
    match field {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(value)),
    }
}

/// The new value where clearing means the empty one: none where the field is left out.
pub(crate) fn cleared<T: Default>(field: MaybeUndefined<T>) -> Option<T> {
    optional(field).map(Option::unwrap_or_default)
}

/// The new value of what cannot be cleared: none where the field is left out, and a violation for null.
pub(crate) fn kept<T>(path: &str, field: MaybeUndefined<T>, violations: &mut Vec<Violation>) -> Option<T> {
    let given = optional(field)?;
    if given.is_none() {
        let message = "it cannot be taken away; leave the field out to keep what there is";
        violations.push(Violation::new(path, "required", message));
    }
    given
}

/// What was read of a body, unless something is wrong with it.
///
/// # Errors
/// All that is wrong, at once.
pub(crate) fn valid<T>(read: T, violations: Vec<Violation>) -> Result<T, Error> {
    if violations.is_empty() { Ok(read) } else { Err(Error::invalid(violations)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn left_out_null_and_given_are_three_things() {
        assert_eq!(optional::<u8>(MaybeUndefined::Undefined), None);
        assert_eq!(optional::<u8>(MaybeUndefined::Null), Some(None));
        assert_eq!(cleared::<u8>(MaybeUndefined::Null), Some(0));
        let mut violations = Vec::new();
        assert_eq!(kept("a", MaybeUndefined::Value(7), &mut violations), Some(7));
        assert_eq!(kept::<u8>("a", MaybeUndefined::Undefined, &mut violations), None);
        assert!(violations.is_empty());
        assert_eq!(kept::<u8>("a", MaybeUndefined::Null, &mut violations), None);
        assert_eq!(violations[0].code, "required");
    }
}
