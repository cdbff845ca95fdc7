//! What a key may be used for.

use std::fmt;

use serde::{Serialize, Serializer};

/// A kind of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Reads everything in the workspace but API keys.
    Read,
    /// Makes and changes goals, plans, tasks and experiences, and decides for people.
    Write,
    /// Claims tasks, keeps them, and reports what came of them.
    Work,
    /// Makes, changes and retires agents; makes, lists and revokes API keys.
    Admin,
}

impl Scope {
    /// Every scope, in the order in which they are told.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Work, Self::Admin];

    /// The spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Work => "work",
            Self::Admin => "admin",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Read => 1,
            Self::Write => 2,
            Self::Work => 4,
            Self::Admin => 8,
        }
    }
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// What a key gets unless it is said: all but [`Scope::Admin`].
    pub const USUAL: Self = Self(7);
    /// What the key of an agent may have, and gets unless it is said.
    pub const OF_AGENTS: Self = Self(5);

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this scope is among them.
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Those that the other set lacks.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// One after the other.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.iter().map(|scope| format!("`{}`", scope.as_str())).collect();
        f.write_str(&words.join(", "))
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Scope::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_know_what_they_have() {
        let usual: Scopes = [Scope::Work, Scope::Read, Scope::Write, Scope::Read].into_iter().collect();
        assert_eq!(usual, Scopes::USUAL);
        assert_eq!(usual.to_string(), "`read`, `write`, `work`");
        assert_eq!(serde_json::json!(usual), serde_json::json!(["read", "write", "work"]));
        let of_agents: Scopes = [Scope::Read, Scope::Work].into_iter().collect();
        assert_eq!(of_agents, Scopes::OF_AGENTS);
        assert_eq!(usual.without(of_agents).iter().collect::<Vec<_>>(), [Scope::Write]);
        assert!(Scopes::default().is_empty() && !usual.has(Scope::Admin));
    }
}
