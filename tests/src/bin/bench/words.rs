//! What the databases spell differently when they make rows out of numbers.

use sea_orm::DatabaseBackend;

/// The moment that ids begin with, in milliseconds since 1970; one millisecond per number comes on top.
const EPOCH: i64 = 1_767_225_600_000;

/// One database's words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words(pub(crate) DatabaseBackend);

impl Words {
    fn is_postgres(self) -> bool {
        self.0 == DatabaseBackend::Postgres
    }

    /// The numbers from 0, so many of them, as a table `n` with the column `i`.
    pub(crate) fn numbers(self, count: u32) -> String {
        let last = i64::from(count) - 1;
        if self.is_postgres() {
            return format!("(SELECT i FROM generate_series(0::BIGINT, {last}) AS g (i)) AS n");
        }
        format!(
            "(WITH RECURSIVE counted (i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM counted WHERE i < {last}) \
             SELECT i FROM counted) AS n"
        )
    }

    /// The 32 digits of a version 7 UUID for a number; those of one kind sort as their numbers do.
    fn digits(self, kind: u16, number: &str) -> String {
        if self.is_postgres() {
            let hex = |value: String, width| format!("lpad(to_hex({value}), {width}, '0')");
            let moment = hex(format!("{EPOCH} + ({number})"), 12);
            let rest = hex(format!("({number})::BIGINT"), 15);
            return format!("{moment} || '7{kind:03x}8' || {rest}");
        }
        format!("printf('%012x7{kind:03x}8%015x', {EPOCH} + ({number}), {number})")
    }

    /// The id of a number.
    pub(crate) fn id(self, kind: u16, number: &str) -> String {
        let digits = self.digits(kind, number);
        if self.is_postgres() { format!("({digits})::UUID") } else { format!("unhex({digits})") }
    }

    /// The id of a number as text.
    pub(crate) fn id_text(self, kind: u16, number: &str) -> String {
        if self.is_postgres() {
            return format!("{}::TEXT", self.id(kind, number));
        }
        let digits = self.digits(kind, number);
        let part = |from, length| format!("substr({digits}, {from}, {length})");
        let parts = [part(1, 8), part(9, 4), part(13, 4), part(17, 4), part(21, 12)];
        parts.join(" || '-' || ")
    }

    /// An id that is known.
    pub(crate) fn known(self, id: uuid::Uuid) -> String {
        if self.is_postgres() { format!("'{id}'::UUID") } else { format!("x'{}'", id.simple()) }
    }
}

/// The id that [`Words::id`] makes of a number.
pub(crate) fn id(kind: u16, number: u32) -> uuid::Uuid {
    let moment = u128::try_from(EPOCH).unwrap_or_default() + u128::from(number);
    uuid::Uuid::from_u128(moment << 80 | 0x7 << 76 | u128::from(kind) << 64 | 0x8 << 60 | u128::from(number))
}

/// A number below `below` for the row `i`, spread evenly and without a pattern that other spreads share: the high
/// bits of a product with an odd constant of 32 bits, another one for each spread.
pub(crate) fn spread(constant: u32, below: u32) -> String {
    format!("((i * {constant} % 4294967296) / 65536 % {below})")
}
