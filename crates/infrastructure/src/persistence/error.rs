//! What the drivers say, in the words of the port.

use goalwright_application::ports::StorageError;
use sea_orm::{DbErr, RuntimeErr, SqlErr};

pub(crate) fn storage(error: DbErr) -> StorageError {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(what)) => return StorageError::Duplicate { what },
        Some(_) => return StorageError::Refused { source: Box::new(error) },
        None => {}
    }
    match kind(&error) {
        Kind::Contended => StorageError::Contended { source: Box::new(error) },
        Kind::Unavailable => StorageError::Unavailable { source: Box::new(error) },
        Kind::Refused => StorageError::Refused { source: Box::new(error) },
    }
}

enum Kind {
    Contended,
    Unavailable,
    Refused,
}

fn kind(error: &DbErr) -> Kind {
    let (DbErr::Exec(RuntimeErr::SqlxError(driver))
    | DbErr::Query(RuntimeErr::SqlxError(driver))
    | DbErr::Conn(RuntimeErr::SqlxError(driver))) = error
    else {
        return match error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => Kind::Unavailable,
            _ => Kind::Refused,
        };
    };
    let Some(database) = driver.as_database_error() else {
        // I/O, protocol and pool errors: the connection is gone or was never there.
        return Kind::Unavailable;
    };
    match database.code().as_deref() {
        // PostgreSQL: serialization_failure, deadlock_detected, lock_not_available. SQLite: SQLITE_BUSY and its kin.
        Some("40001" | "40P01" | "55P03" | "5" | "6" | "261" | "262" | "517" | "773") => Kind::Contended,
        // PostgreSQL: connection exceptions, too many connections, shutdown, starting up, read-only transaction.
        // SQLite: I/O error, disk full, cannot open.
        Some(code)
            if code.starts_with("08")
                || code.starts_with("57P")
                || matches!(code, "53300" | "53100" | "10" | "13" | "14") =>
        {
            Kind::Unavailable
        }
        _ => Kind::Refused,
    }
}
