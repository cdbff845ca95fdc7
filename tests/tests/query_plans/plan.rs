//! Plans, as the databases tell them.

use std::collections::HashMap;

use goalwright_testkit::{Backend, TestApp};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, Statement};
use serde_json::Value;

use crate::record::Sent;

/// How a statement reaches its rows.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) accesses: Vec<Access>,
    /// Whether rows are sorted, as against read in order.
    pub(crate) sorts: bool,
    /// Whether all rows are gone through before the first one is given: they are sorted, grouped or counted.
    pub(crate) gathers: bool,
    /// As the database tells it.
    pub(crate) text: String,
}

/// How rows of one table are reached.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) table: String,
    pub(crate) index: Option<String>,
    /// What the index is searched for; empty if all of it, or all of the table, is read.
    pub(crate) condition: String,
}

/// Asks for plans, on one connection.
pub(crate) struct Explainer {
    connection: DatabaseConnection,
    backend: Backend,
    tables: Vec<String>,
}

impl Explainer {
    pub(crate) async fn new(app: &TestApp, backend: Backend) -> Self {
        let mut options = ConnectOptions::new(&app.db.url);
        options.max_connections(1);
        let connection = sea_orm::Database::connect(options).await.expect("connects");
        let tables = match backend {
            Backend::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table'",
            Backend::Postgres => {
                // Tables are small here: what is asked is whether an index can serve. One plan for all values, since
                // that is what a server settles on for a statement that it has seen a few times.
                let settings = "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan";
                connection.execute_unprepared(settings).await.expect("settings");
                "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = current_schema()"
            }
        };
        let tables = app.db.texts(tables).await;
        Self { connection, backend, tables }
    }

    pub(crate) async fn explain(&self, sent: &Sent) -> Plan {
        match self.backend {
            Backend::Sqlite => self.explain_sqlite(sent).await,
            Backend::Postgres => self.explain_postgres(sent).await,
        }
    }

    async fn explain_sqlite(&self, sent: &Sent) -> Plan {
        let sql = format!("EXPLAIN QUERY PLAN {}", sent.text);
        let statement = Statement::from_string(self.connection.get_database_backend(), sql);
        let rows = self.connection.query_all_raw(statement).await.expect("SQLite explains");
        let names = aliases(&sent.text, &self.tables);
        let mut plan = Plan::default();
        for row in &rows {
            let line: String = row.try_get("", "detail").expect("text");
            let gathers = line.starts_with("USE TEMP B-TREE FOR");
            plan.gathers |= gathers;
            plan.sorts |= gathers && line.ends_with("ORDER BY");
            plan.accesses.extend(access(&line, &names));
            plan.text.push_str(&line);
            plan.text.push('\n');
        }
        plan
    }

    async fn explain_postgres(&self, sent: &Sent) -> Plan {
        let (types, values) = match sent.types.split(',').filter(|name| !name.is_empty()).count() {
            0 => (String::new(), String::new()),
            count => (format!("({})", sent.types), format!("({})", vec!["NULL"; count].join(", "))),
        };
        let prepare = format!("PREPARE explained {types} AS {}", sent.text);
        self.connection
            .execute_unprepared(&prepare)
            .await
            .unwrap_or_else(|error| panic!("{prepare}: {error}"));
        let sql = format!("EXPLAIN (FORMAT JSON, COSTS OFF) EXECUTE explained {values}");
        let statement = Statement::from_string(self.connection.get_database_backend(), sql);
        let row =
            self.connection.query_one_raw(statement).await.expect("PostgreSQL explains").expect("a row");
        self.connection.execute_unprepared("DEALLOCATE explained").await.expect("deallocates");
        let told: Value = row.try_get_by_index(0).expect("JSON");
        let mut plan = Plan { text: format!("{told:#}"), ..Plan::default() };
        collect(&told[0]["Plan"], &mut plan);
        plan
    }
}

/// `SEARCH t USING INDEX i (a=? AND b<?)`, `SCAN t`, and what is in between.
fn access(line: &str, names: &HashMap<String, String>) -> Option<Access> {
    let mut words = line.split(' ');
    let searched = match words.next()? {
        "SEARCH" => true,
        "SCAN" => false,
        _ => return None,
    };
    let table = names.get(words.next()?)?.clone();
    // An automatic index is made by reading the whole table.
    let automatic = line.contains("AUTOMATIC");
    let condition =
        line.split_once(" (").and_then(|(_, rest)| rest.rsplit_once(')')).map(|(inside, _)| inside);
    // `VIRTUAL TABLE INDEX 0:M2`: the words of a full-text index are searched for.
    let matched = line.split_once("VIRTUAL TABLE INDEX ").is_some_and(|(_, index)| index.contains(":M"));
    let condition = if matched { Some("MATCH") } else { condition.filter(|_| searched) };
    let condition = condition.filter(|_| !automatic).unwrap_or_default().to_owned();
    let index =
        line.split_once("INDEX ").map(|(_, rest)| rest.split(' ').next().unwrap_or_default().to_owned());
    Some(Access { table, index, condition })
}

/// The names under which a statement speaks of tables: their own, and one lowercase letter behind them.
fn aliases(text: &str, tables: &[String]) -> HashMap<String, String> {
    let mut names: HashMap<String, String> =
        tables.iter().map(|table| (table.clone(), table.clone())).collect();
    let words: Vec<&str> = text.split_whitespace().map(|word| word.trim_matches(['(', ')', ','])).collect();
    for pair in words.windows(2) {
        let is_alias = pair[1].len() == 1 && pair[1].starts_with(|c: char| c.is_ascii_lowercase());
        if is_alias && tables.iter().any(|table| table == pair[0]) {
            names.insert(pair[1].to_owned(), pair[0].to_owned());
        }
    }
    names
}

fn collect(node: &Value, plan: &mut Plan) {
    let text = |name: &str| node[name].as_str().map(str::to_owned);
    let kind = text("Node Type").unwrap_or_default();
    plan.sorts |= kind.contains("Sort");
    plan.gathers |= ["Sort", "Aggregate", "Group", "Unique"].iter().any(|word| kind.contains(word));
    if let (Some(table), true) = (text("Relation Name"), kind.contains("Scan")) {
        let (mut index, mut condition) = (text("Index Name"), text("Index Cond").unwrap_or_default());
        if kind == "Bitmap Heap Scan" {
            for below in node["Plans"].as_array().into_iter().flatten() {
                bitmap(below, &mut index, &mut condition);
            }
        }
        plan.accesses.push(Access { table, index, condition });
    }
    for below in node["Plans"].as_array().into_iter().flatten() {
        collect(below, plan);
    }
}

fn bitmap(node: &Value, index: &mut Option<String>, condition: &mut String) {
    *index = index.take().or_else(|| node["Index Name"].as_str().map(str::to_owned));
    condition.push_str(node["Index Cond"].as_str().unwrap_or_default());
    for below in node["Plans"].as_array().into_iter().flatten() {
        bitmap(below, index, condition);
    }
}
