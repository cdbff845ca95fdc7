//! Keys of requests, and what was answered.

use async_trait::async_trait;
use goalwright_application::Error;
use goalwright_application::ports::{IdempotencyRepository, KeptAnswer, KeptRequest, KeyOwner, StorageError};
use goalwright_domain::Timestamp;

use super::reader::Reader;
use super::row::Row;
use super::sql::{Sql, int, json, time};
use super::unit_of_work::Unit;

/// Each new key takes so many expired ones with it: there are never many more than a day's.
const SWEPT: &str = "10";

#[async_trait]
impl IdempotencyRepository for Unit {
    async fn remember(
        &self,
        owner: &KeyOwner,
        fingerprint: &[u8; 32],
        made: &str,
        now: Timestamp,
        expired: Timestamp,
    ) -> Result<(), StorageError> {
        let insert = self
            .sql(
                "INSERT INTO idempotency_keys (workspace_id, user_id, key_digest, fingerprint, made, created_at) \
                 VALUES (",
            )
            .bind(owner.workspace_id.uuid())
            .text(", ")
            .bind(owner.user_id.uuid())
            .text(", ")
            .bind(hex(&owner.digest))
            .text(", ")
            .bind(hex(fingerprint))
            .text(", ")
            .bind(made)
            .text(", ")
            .bind(time(now))
            .text(
                ") ON CONFLICT (workspace_id, user_id, key_digest) DO UPDATE SET fingerprint = excluded.fingerprint, \
                 made = excluded.made, status = NULL, headers = NULL, body = NULL, created_at = excluded.created_at, \
                 reserved_until = NULL WHERE (idempotency_keys.reserved_until IS NOT NULL AND \
                 idempotency_keys.fingerprint = excluded.fingerprint) OR idempotency_keys.created_at <= ",
            )
            .bind(time(expired));
        if self.run(insert).await? == 0 {
            return Err(StorageError::Duplicate { what: "idempotency_keys.key_digest".to_owned() });
        }
        let sweep = self
            .sql(
                "DELETE FROM idempotency_keys WHERE (workspace_id, user_id, key_digest) IN (SELECT workspace_id, \
                 user_id, key_digest FROM idempotency_keys WHERE created_at <= ",
            )
            .bind(time(expired))
            .text(" ORDER BY created_at LIMIT ")
            .text(SWEPT)
            .text(self.dialect.lock_skipping())
            .text(")");
        self.run(sweep).await.map(|_| ())
    }

    async fn reserve(
        &self,
        owner: &KeyOwner,
        fingerprint: &[u8; 32],
        until: Timestamp,
        now: Timestamp,
        expired: Timestamp,
    ) -> Result<(), StorageError> {
        let insert = self
            .sql(
                "INSERT INTO idempotency_keys (workspace_id, user_id, key_digest, fingerprint, made, created_at, \
                 reserved_until) VALUES (",
            )
            .bind(owner.workspace_id.uuid())
            .text(", ")
            .bind(owner.user_id.uuid())
            .text(", ")
            .bind(hex(&owner.digest))
            .text(", ")
            .bind(hex(fingerprint))
            .text(", 'nothing yet', ")
            .bind(time(now))
            .text(", ")
            .bind(time(until))
            .text(
                ") ON CONFLICT (workspace_id, user_id, key_digest) DO UPDATE SET fingerprint = excluded.fingerprint, \
                 made = excluded.made, status = NULL, headers = NULL, body = NULL, created_at = excluded.created_at, \
                 reserved_until = excluded.reserved_until WHERE idempotency_keys.reserved_until <= ",
            )
            .bind(time(now))
            .text(" OR idempotency_keys.created_at <= ")
            .bind(time(expired));
        match self.run(insert).await? {
            0 => Err(StorageError::Duplicate { what: "idempotency_keys.key_digest".to_owned() }),
            _ => Ok(()),
        }
    }

    async fn release(&self, owner: &KeyOwner) -> Result<(), StorageError> {
        let sql = of(self.sql("DELETE FROM idempotency_keys"), owner);
        self.run(sql.text(" AND reserved_until IS NOT NULL")).await.map(|_| ())
    }

    async fn keep(&self, owner: &KeyOwner, answer: &KeptAnswer) -> Result<(), StorageError> {
        let sql = self
            .sql("UPDATE idempotency_keys SET status = ")
            .bind(int(answer.status))
            .text(", headers = ")
            .bind(json(answer.headers.clone()))
            .text(", body = ")
            .bind(answer.body.as_str());
        self.run(of(sql, owner).text(" AND status IS NULL")).await.map(|_| ())
    }
}

pub(super) async fn find(reader: &Reader, owner: &KeyOwner) -> Result<Option<KeptRequest>, Error> {
    let sql = reader.sql(
        "SELECT fingerprint, made, status, headers, body, created_at, reserved_until FROM idempotency_keys",
    );
    Ok(reader.one(of(sql, owner)).await?.map(|row| kept(&Row::of("idempotency_keys", &row))).transpose()?)
}

fn of(sql: Sql, owner: &KeyOwner) -> Sql {
    sql.text(" WHERE workspace_id = ")
        .bind(owner.workspace_id.uuid())
        .text(" AND user_id = ")
        .bind(owner.user_id.uuid())
        .text(" AND key_digest = ")
        .bind(hex(&owner.digest))
}

fn kept(row: &Row<'_>) -> Result<KeptRequest, StorageError> {
    let answer = match row.get::<Option<i32>>("status")? {
        Some(status) => Some(KeptAnswer {
            status: u16::try_from(status).unwrap_or_default(),
            headers: row.get("headers")?,
            body: row.text("body")?,
        }),
        None => None,
    };
    Ok(KeptRequest {
        fingerprint: row.word("fingerprint", unhex)?,
        made: row.text("made")?,
        created_at: row.time("created_at")?,
        reserved_until: row.time_or_none("reserved_until")?,
        answer,
    })
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_read_as_they_are_written() {
        let bytes = std::array::from_fn(|index| u8::try_from(index * 7).unwrap_or_default());
        assert_eq!(unhex(&hex(&bytes)), Some(bytes));
        assert_eq!(unhex("zz"), None);
    }
}
