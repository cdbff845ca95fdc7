//! Many rows as one array per column, for PostgreSQL.

use sea_orm::Value;
use sea_orm::sea_query::ArrayType;

use super::sql::Sql;

/// `UNNEST(…)` with one array per column: the statement is the same for any number of rows, so that the server plans
/// it once.
pub(super) fn unnest(sql: Sql, rows: Vec<Vec<Value>>) -> Sql {
    let width = rows.first().map_or(0, Vec::len);
    let mut columns: Vec<Vec<Value>> = (0..width).map(|_| Vec::with_capacity(rows.len())).collect();
    for row in rows {
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(value);
        }
    }
    let sql = columns.into_iter().enumerate().fold(sql.text("UNNEST("), |sql, (index, column)| {
        array(sql.text(if index == 0 { "" } else { ", " }), column)
    });
    sql.text(")")
}

/// A bound array. The driver's arrays hold no nulls: a column of nothing else is an empty array, which `UNNEST` fills
/// up with nulls, and a mixed one is sent as the text of an array.
fn array(sql: Sql, column: Vec<Value>) -> Sql {
    let Some(kind) = column.first().and_then(Kind::of) else { return sql.text("NULL") };
    if kind == Kind::Json {
        return json(sql, column);
    }
    let nulls = column.iter().filter(|value| is_null(value)).count();
    if nulls == column.len() {
        return sql.bind(Value::Array(kind.array(), Some(Box::default())));
    }
    if nulls == 0 {
        return sql.bind(Value::Array(kind.array(), Some(Box::new(column))));
    }
    mixed(sql, kind, &column)
}

/// JSON as texts: a value is copied before it is sent, and a text is copied sooner than what it was written from.
fn json(sql: Sql, column: Vec<Value>) -> Sql {
    let texts = column.into_iter().map(|value| match value {
        Value::Json(Some(json)) => Value::from(json.to_string()),
        _ => Value::String(None),
    });
    array(sql.text("CAST("), texts.collect()).text(" AS JSONB[])")
}

/// Values and nulls, as the text of an array.
fn mixed(sql: Sql, kind: Kind, column: &[Value]) -> Sql {
    let mut text = String::from("{");
    for (index, value) in column.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        match kind.literal(value) {
            None => text.push_str("NULL"),
            Some(literal) => {
                text.push('"');
                for character in literal.chars() {
                    if matches!(character, '"' | '\\') {
                        text.push('\\');
                    }
                    text.push(character);
                }
                text.push('"');
            }
        }
    }
    text.push('}');
    sql.text("CAST(CAST(").bind(text).text(" AS TEXT) AS ").text(kind.name()).text("[])")
}

const fn is_null(value: &Value) -> bool {
    match value {
        Value::Bool(value) => value.is_none(),
        Value::Int(value) => value.is_none(),
        Value::BigInt(value) => value.is_none(),
        Value::Double(value) => value.is_none(),
        Value::String(value) => value.is_none(),
        Value::Uuid(value) => value.is_none(),
        Value::Json(value) => value.is_none(),
        Value::ChronoDateTimeUtc(value) => value.is_none(),
        _ => true,
    }
}

/// The types that columns have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Int,
    BigInt,
    Double,
    Text,
    Uuid,
    Json,
    Time,
}

impl Kind {
    pub(super) const fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(_) => Some(Self::Bool),
            Value::Int(_) => Some(Self::Int),
            Value::BigInt(_) => Some(Self::BigInt),
            Value::Double(_) => Some(Self::Double),
            Value::String(_) => Some(Self::Text),
            Value::Uuid(_) => Some(Self::Uuid),
            Value::Json(_) => Some(Self::Json),
            Value::ChronoDateTimeUtc(_) => Some(Self::Time),
            _ => None,
        }
    }

    pub(super) fn of_array(array: &ArrayType) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.array() == *array)
    }

    const ALL: [Self; 8] =
        [Self::Bool, Self::Int, Self::BigInt, Self::Double, Self::Text, Self::Uuid, Self::Json, Self::Time];

    /// As PostgreSQL calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int4",
            Self::BigInt => "int8",
            Self::Double => "float8",
            Self::Text => "text",
            Self::Uuid => "uuid",
            Self::Json => "jsonb",
            Self::Time => "timestamptz",
        }
    }

    const fn array(self) -> ArrayType {
        match self {
            Self::Bool => ArrayType::Bool,
            Self::Int => ArrayType::Int,
            Self::BigInt => ArrayType::BigInt,
            Self::Double => ArrayType::Double,
            Self::Text => ArrayType::String,
            Self::Uuid => ArrayType::Uuid,
            Self::Json => ArrayType::Json,
            Self::Time => ArrayType::ChronoDateTimeUtc,
        }
    }

    /// The value as PostgreSQL reads it from text; none for null.
    fn literal(self, value: &Value) -> Option<String> {
        match value {
            Value::Bool(value) => value.map(|value| value.to_string()),
            Value::Int(value) => value.map(|value| value.to_string()),
            Value::BigInt(value) => value.map(|value| value.to_string()),
            Value::Double(value) => value.map(|value| value.to_string()),
            Value::String(value) => value.clone(),
            Value::Uuid(value) => value.map(|value| value.to_string()),
            Value::Json(value) => value.as_ref().map(|value| value.to_string()),
            Value::ChronoDateTimeUtc(value) => value.map(|value| value.to_rfc3339()),
            _ => None,
        }
    }
}
