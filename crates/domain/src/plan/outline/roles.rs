//! What words between ids and phrases do, in the languages plans are written in.

/// What a word that is no phrase may do in a statement. A word may do several things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Role {
    /// May stand among ids: “tasks”, “both”.
    pub(super) fills: bool,
    /// May stand between who waits and the phrase: “must only start”.
    pub(super) bridges: bool,
    /// Ids behind it are no longer what is waited for: “which”.
    pub(super) stops: bool,
    /// Turns the phrase round: “not”.
    pub(super) negates: bool,
    /// Speaks of work side by side: “parallel”.
    pub(super) is_parallel: bool,
    /// Says that something is finished: “complete”.
    pub(super) finishes: bool,
    /// Points at one certain thing: “the”.
    pub(super) points: bool,
}

/// The role of a word in lower case.
pub(super) fn role_of(word: &str) -> Role {
    let none = Role::default();
    match word {
        "the" => Role { fills: true, points: true, ..none },
        "starting" | "beginning" | "or" | "both" | "all" | "of" | "on" | "task" | "tasks" | "only"
        | "also" | "plus" | "completing" | "aufgabe" | "aufgaben" | "tâche" | "tâches" | "tarea"
        | "tareas" | "tarefa" | "tarefas" | "then" | "beide" | "beiden" => {
            Role { fills: true, bridges: true, ..none }
        }
        "completion" | "complete" | "completes" | "completed" | "done" | "finish" | "finishes"
        | "finished" | "lands" | "landed" | "passes" | "passing" | "passed" | "merged" | "fertig"
        | "abgeschlossen" | "terminée" | "terminé" | "terminada" | "concluída" => {
            Role { finishes: true, bridges: true, fills: word == "completion", ..none }
        }
        "is" | "are" | "has" | "have" | "been" => Role { finishes: true, bridges: true, ..none },
        "must" | "should" | "can" | "may" | "will" | "to" | "be" | "run" | "runs" | "start" | "starts"
        | "begin" | "begins" | "come" | "comes" | "go" | "goes" | "happen" | "happens" | "directly"
        | "strictly" | "sequential" | "sequentially" | "in" | "written" | "fail" | "failing" | "created"
        | "implemented" | "tested" | "ready" | "place" | "exist" | "exists" | "approved" | "each" | "a"
        | "an" | "immediately" | "right" | "work" | "itself" | "muss" | "müssen" | "kann" | "können"
        | "erst" | "darf" | "dürfen" | "beginnt" | "beginnen" | "startet" | "starten" | "läuft"
        | "laufen" | "doit" | "doivent" | "peut" | "peuvent" | "commence" | "commencent" | "debe"
        | "deben" | "puede" | "pueden" | "empieza" | "empiezan" | "va" | "van" | "deve" | "devem"
        | "pode" | "podem" | "começa" | "começam" | "ist" | "sind" | "est" | "sont" | "está" | "están"
        | "estão" | "é" | "es" => Role { bridges: true, ..none },
        "which" | "that" | "but" | "see" | "so" | "while" | "until" | "unless" | "blocking"
        | "superseded" | "instead" | "siehe" | "voir" | "véase" | "aber" | "mais" | "pero" | "mas" => {
            Role { stops: true, ..none }
        }
        "none" | "nothing" | "keine" | "keiner" | "aucune" | "aucun" | "ninguna" | "ninguno" | "nenhuma"
        | "nenhum" | "nobody" | "not" | "never" | "no" | "longer" | "cannot" | "without" | "nicht"
        | "kein" | "nie" | "ohne" | "pas" | "ne" | "non" | "sans" | "sin" | "nunca" | "não" | "sem"
        | "не" | "нет" | "без" => Role { stops: true, negates: true, ..none },
        "parallel"
        | "concurrently"
        | "independent"
        | "independently"
        | "simultaneously"
        | "parallèle"
        | "paralelo"
        | "параллельно"
        | "unabhängig"
        | "gleichzeitig" => Role { stops: true, bridges: true, is_parallel: true, ..none },
        _ if word.ends_with("n't") || word.ends_with("n’t") => Role { stops: true, negates: true, ..none },
        _ => none,
    }
}

/// Words of scripts without blanks that have a role; longer ones before those they begin with.
const UNSPACED_ROLES: &[(&str, Role)] = {
    const NONE: Role = Role {
        fills: false,
        bridges: false,
        stops: false,
        negates: false,
        is_parallel: false,
        finishes: false,
        points: false,
    };
    const BRIDGE: Role = Role { bridges: true, ..NONE };
    const NEGATION: Role = Role { negates: true, stops: true, ..NONE };
    const PARALLEL: Role = Role { is_parallel: true, bridges: true, ..NONE };
    const FINISH: Role = Role { finishes: true, bridges: true, ..NONE };
    &[
        ("并行", PARALLEL),
        ("並行", PARALLEL),
        ("並列", PARALLEL),
        ("병렬", PARALLEL),
        ("没有", NEGATION),
        ("しない", NEGATION),
        ("しません", NEGATION),
        ("なし", NEGATION),
        ("ない", NEGATION),
        ("하지 않", NEGATION),
        ("无", NEGATION),
        ("無", NEGATION),
        ("不", NEGATION),
        ("未", NEGATION),
        ("完成", FINISH),
        ("完了", FINISH),
        ("必须", BRIDGE),
        ("必須", BRIDGE),
        ("应该", BRIDGE),
        ("只能", BRIDGE),
        ("才能", BRIDGE),
        ("可以", BRIDGE),
        ("任务", Role { fills: true, ..BRIDGE }),
        ("タスク", Role { fills: true, ..BRIDGE }),
        ("在", BRIDGE),
        ("应", BRIDGE),
        ("须", BRIDGE),
        ("可", BRIDGE),
        ("都", BRIDGE),
        ("均", BRIDGE),
        ("は", BRIDGE),
        ("が", BRIDGE),
        ("も", BRIDGE),
        ("는", BRIDGE),
        ("은", BRIDGE),
    ]
};

/// The word with a role that `text` begins with, and its length in bytes.
pub(super) fn unspaced_role_at(text: &str) -> Option<(Role, usize)> {
    let found = UNSPACED_ROLES.iter().find(|(word, _)| text.starts_with(word));
    found.map(|&(word, role)| (role, word.len()))
}
