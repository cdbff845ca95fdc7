//! Words that say who waits for whom, in the languages plans are written in.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sense {
    /// What stands before the phrase waits for what stands behind it.
    Waits,
    /// What stands behind the phrase waits for what stands before it.
    Blocks,
}

/// How much of a statement the phrase alone makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Says nothing else: “depends on”.
    Strong,
    /// An ordinary word as well: “after”.
    Weak,
    /// A noun that needs a colon: “Dependencies:”.
    Label,
    /// Stands behind what is waited for, as in Japanese; otherwise strong.
    Behind,
    /// Stands behind what is waited for, and is an ordinary word as well.
    WeakBehind,
}

/// A phrase with its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Phrase {
    pub(super) sense: Sense,
    pub(super) weight: Weight,
}

use Sense::{Blocks, Waits};
use Weight::{Label, Strong, Weak};

/// Phrases of words with blanks between them, in lower case.
const SPACED: &[(Sense, Weight, &[&str])] = &[
    (
        Waits,
        Strong,
        &[
            "depends on",
            "depend on",
            "depends upon",
            "dependent on",
            "dependent upon",
            "cannot start until",
            "cannot begin until",
            "cannot start before",
            "cannot begin before",
            "can't start until",
            "can't start before",
            "not start before",
            "not start until",
            "not begin before",
            "not begin until",
            "not until",
            "not before",
            "blocked until",
            "nicht vor",
            "depending on",
            "blocked by",
            "gated by",
            "requires",
            "require",
            "waits for",
            "wait for",
            "waits on",
            "wait on",
            "needs",
            "need",
            "hängt ab von",
            "hängen ab von",
            "hängt von",
            "hängen von",
            "abhängig von",
            "benötigt",
            "benötigen",
            "braucht",
            "brauchen",
            "erfordert",
            "erfordern",
            "wartet auf",
            "warten auf",
            "blockiert durch",
            "blockiert von",
            "setzt",
            "setzen",
            "dépend de",
            "dépendent de",
            "dépend du",
            "dépend des",
            "dépendent des",
            "dépendant de",
            "nécessite",
            "nécessitent",
            "requiert",
            "requièrent",
            "bloqué par",
            "bloquée par",
            "bloqués par",
            "attend",
            "attendent",
            "depende de",
            "dependen de",
            "dependem de",
            "depende da",
            "depende do",
            "dependem da",
            "dependem do",
            "requiere",
            "requieren",
            "necesita",
            "necesitan",
            "bloqueado por",
            "bloqueada por",
            "espera a",
            "esperan a",
            "requer",
            "requerem",
            "precisa de",
            "precisam de",
            "precisa da",
            "precisa do",
            "aguarda",
            "aguardam",
            "dipende da",
            "dipendono da",
            "richiede",
            "richiedono",
            "bloccato da",
            "bloccata da",
            "hangt af van",
            "зависит от",
            "зависят от",
            "требует",
            "требуют",
            "блокируется",
        ],
    ),
    (
        Waits,
        Weak,
        &[
            "after",
            "nach",
            "après",
            "después de",
            "tras",
            "depois de",
            "depois da",
            "depois do",
            "após",
            "dopo",
            "после",
        ],
    ),
    (
        Waits,
        Label,
        &[
            "depends",
            "deps",
            "dep",
            "depends-on",
            "blocked-by",
            "dependencies",
            "dependency",
            "prerequisite",
            "prerequisites",
            "predecessor",
            "predecessors",
            "abhängigkeit",
            "abhängigkeiten",
            "voraussetzung",
            "voraussetzungen",
            "dépendance",
            "dépendances",
            "prérequis",
            "dependencia",
            "dependencias",
            "requisitos",
            "dependência",
            "dependências",
            "pré-requisitos",
            "dipendenze",
            "зависимости",
            "зависимость",
        ],
    ),
    (
        Blocks,
        Strong,
        &[
            "blocks",
            "block",
            "unblocks",
            "unblock",
            "precedes",
            "precede",
            "required by",
            "required for",
            "needed by",
            "needed for",
            "prerequisite for",
            "prerequisite of",
            "prerequisites for",
            "blockiert",
            "blockieren",
            "voraussetzung für",
            "bloque",
            "bloquent",
            "bloquea",
            "bloquean",
            "bloqueia",
            "bloqueiam",
            "blocca",
            "bloccano",
            "блокирует",
            "блокируют",
        ],
    ),
    (Blocks, Weak, &["before", "vor", "avant", "antes de", "antes da", "antes do", "prima di", "перед"]),
];

type Candidates = Vec<(Vec<&'static str>, Phrase)>;

/// The phrases by their first word, the longest first.
static BY_FIRST_WORD: LazyLock<HashMap<&'static str, Candidates>> = LazyLock::new(|| {
    let mut table: HashMap<&'static str, Candidates> = HashMap::new();
    for &(sense, weight, phrases) in SPACED {
        for phrase in phrases {
            let words: Vec<&str> = phrase.split(' ').collect();
            table.entry(words[0]).or_default().push((words, Phrase { sense, weight }));
        }
    }
    for candidates in table.values_mut() {
        candidates.sort_by_key(|(words, _)| std::cmp::Reverse(words.len()));
    }
    table
});

/// The phrases that begin with a word in lower case, the longest first.
pub(super) fn beginning_with(word: &str) -> &'static [(Vec<&'static str>, Phrase)] {
    BY_FIRST_WORD.get(word).map_or(&[], Vec::as_slice)
}
