use clap::Args;
use serde_json::{Map, Value, json};

use crate::config::{Explained, FILE, Place};
use crate::failure::{Exit, Failure};
use crate::terminal::{Column, Table, print, print_raw};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright admin config")]
pub(super) struct Show {
    /// Print JSON: for each setting its value, its variable, and where it comes from
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) fn execute(self) -> Result<Exit, Failure> {
        let all = Explained::load()?;
        if self.json {
            let document: Map<String, Value> = all.iter().map(entry).collect();
            print_raw(&Value::Object(document).to_string());
            return Ok(Exit::Success);
        }
        let columns = [Column::Word("SETTING"), Column::Word("VALUE"), Column::Aside("FROM")];
        let table = Table::of(columns, &all, |one| {
            let value = if one.value.is_empty() { "–".to_owned() } else { one.value.clone() };
            [one.key.to_owned(), value, from(&one.place)]
        });
        table.lines().iter().for_each(|line| print(line));
        Ok(Exit::Success)
    }
}

fn entry(one: &Explained) -> (String, Value) {
    let (source, line) = match &one.place {
        Place::Variable(_) => ("environment", None),
        Place::File { line, .. } => ("file", Some(*line)),
        Place::Default(_) => ("default", None),
    };
    let mut entry = json!({"value": one.value, "variable": one.variable, "source": source});
    if let Some(line) = line {
        entry["line"] = json!(line);
    }
    (one.key.to_owned(), entry)
}

fn from(place: &Place) -> String {
    match place {
        Place::Variable(name) => format!("environment: {name}"),
        Place::File { line, .. } => format!("{FILE}, line {line}"),
        Place::Default(_) => "default".to_owned(),
    }
}
