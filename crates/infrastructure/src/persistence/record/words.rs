//! Words of what was pruned leave the index of SQLite, which only marks what is deleted, once its parts are merged. That
//! takes as long as the index is large, so it is done in steps, between which others write.

use goalwright_application::ports::{StorageError, Words};

use crate::persistence::row::Row;
use crate::persistence::sql::Dialect;
use crate::persistence::unit_of_work::Unit;

/// About so many pages of 4 kB are written in one step. What one word is found in is not torn apart: if that is more, it is
/// written in one step nevertheless.
const PAGES: i64 = 250;
/// From this key on are the marks of what is deleted; they go with the parts that they are of.
const MARKS: i64 = 1 << 53;

/// The next step, from where the last one came to.
pub(crate) async fn forget(unit: &Unit, words: Words) -> Result<Words, StorageError> {
    let noted = "SELECT id FROM pruned_words WHERE id = 1";
    if unit.dialect != Dialect::Sqlite || unit.one(unit.sql(noted)).await?.is_none() {
        return Ok(Words::Forgotten);
    }
    if is_any_marked(unit).await? {
        let merged = merge(unit, words).await?;
        // What was marked while parts were merged stays in what they became, which is then merged anew. Where there is
        // nothing to begin with, the marks belong to nothing.
        if is_any_marked(unit).await? && (merged || words == Words::Merging) {
            return Ok(if merged { Words::Merging } else { Words::Left });
        }
    }
    unit.run(unit.sql("DELETE FROM pruned_words WHERE id = 1")).await?;
    Ok(Words::Forgotten)
}

async fn is_any_marked(unit: &Unit) -> Result<bool, StorageError> {
    let marked = unit.sql("SELECT id FROM experience_words_data WHERE id >= ").bind(MARKS).text(" LIMIT 1");
    Ok(unit.one(marked).await?.is_some())
}

/// Gives whether there was something to merge.
async fn merge(unit: &Unit, words: Words) -> Result<bool, StorageError> {
    let pages = match words {
        // All parts there are, even if it is a single one.
        Words::Left | Words::Forgotten => -PAGES,
        // What was begun, and not what others added since.
        Words::Merging => PAGES,
    };
    let before = changes(unit).await?;
    let merge = "INSERT INTO experience_words (experience_words, rank) VALUES ('merge', ";
    unit.run(unit.sql(merge).bind(pages).text(")")).await?;
    // The statement itself counts as one.
    Ok(changes(unit).await? > before + 1)
}

async fn changes(unit: &Unit) -> Result<i64, StorageError> {
    let row = unit.one(unit.sql("SELECT total_changes() AS changes")).await?;
    Ok(row.map(|row| Row::of("experience_words", &row).get("changes")).transpose()?.unwrap_or(0))
}
