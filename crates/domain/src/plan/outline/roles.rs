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
