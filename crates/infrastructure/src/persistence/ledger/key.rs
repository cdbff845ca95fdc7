//! The fingerprint of the key that a database is sealed with.

use goalwright_application::ports::StorageError;

use crate::persistence::row::Row;
use crate::persistence::sql::time;
use crate::persistence::unit_of_work::Writer;

const KNOWN: &str = "SELECT fingerprint FROM ledger_key WHERE id = 1";

impl Writer {
    /// The fingerprint that the database knows.
    pub(crate) async fn known_key(&self) -> Result<Option<String>, StorageError> {
        self.look(KNOWN).await?.map(|row| Row::of("ledger_key", &row).text("fingerprint")).transpose()
    }

    /// Leaves the fingerprint, unless somebody else did at the same moment; gives the one that stands there now.
    pub(crate) async fn leave_key(&self, fingerprint: &str) -> Result<String, StorageError> {
        let unit = self.unit().await?;
        let sql = unit
            .sql("INSERT INTO ledger_key (id, fingerprint, created_at) VALUES (1, ")
            .bind(fingerprint)
            .text(", ")
            .bind(time(unit.now()))
            .text(") ON CONFLICT (id) DO NOTHING");
        unit.run(sql).await?;
        unit.finish().await?;
        Ok(self.known_key().await?.unwrap_or_default())
    }
}
