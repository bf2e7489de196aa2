//! Writing blocks: each row is written as a whole, together with what is there already of its five minutes.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};

use super::{HistoryFile, Table, day_of};
use crate::store::block::{Block, Series, series_sum};
use crate::store::bucket::{self, Sum};
use crate::store::{Error, sqlite};

impl HistoryFile {
    /// Keeps these blocks: each together with what is there already of its five minutes. All of it or nothing; when this
    /// returns, it is on the disk. Blocks name their fridges by their place in `fridges`, a list of ids.
    ///
    /// # Errors
    /// [`Error`].
    pub fn keep(
        &mut self,
        table: Table,
        fridges: &[String],
        blocks: &BTreeMap<i64, Block>,
    ) -> Result<(), Error> {
        let path = &self.path;
        let connection = &mut self.connection;
        let mut write = || {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let numbers = numbers(&transaction, fridges)?;
            for (&begins, block) in blocks {
                keep_block(&transaction, table, begins, renumbered(block, &numbers))?;
            }
            transaction.commit()
        };
        write().map_err(|error| sqlite(path, error))
    }
}

/// The numbers of these fridges; new ones get theirs.
fn numbers(transaction: &Transaction<'_>, fridges: &[String]) -> Result<Vec<Series>, rusqlite::Error> {
    let number = |fridge: &String| {
        let mut known = transaction.prepare("SELECT number FROM series WHERE fridge = ?1")?;
        if let Some(number) = known.query_row([fridge], |row| row.get(0)).optional()? {
            return Ok(number);
        }
        let next = "SELECT coalesce(max(number), 0) + 1 FROM series";
        // More than 65,535 fridges are never named: more than that is an error.
        let number: Series = transaction.query_row(next, [], |row| row.get(0))?;
        transaction.execute(
            "INSERT INTO series VALUES (?1, ?2, ?3)",
            params![number, fridge, series_sum(number, fridge)],
        )?;
        Ok(number)
    };
    fridges.iter().map(number).collect()
}

/// The block with the file's numbers in place of the fridges' places in a list.
fn renumbered(block: &Block, numbers: &[Series]) -> Block {
    let mut block = block.clone();
    for (series, _) in block.groups.iter_mut().flat_map(|group| &mut group.members) {
        *series = numbers.get(usize::from(*series)).copied().unwrap_or(Series::MAX);
    }
    block
}

pub fn keep_block(
    transaction: &Transaction<'_>,
    table: Table,
    begins: i64,
    new: Block,
) -> Result<(), rusqlite::Error> {
    let bytes_of = |table: &str| -> Result<Option<Vec<u8>>, rusqlite::Error> {
        let mut statement = transaction.prepare(&format!("SELECT b FROM {table} WHERE t = ?1"))?;
        statement.query_row([begins], |row| row.get(0)).optional()
    };
    let put = |table: &str, bytes: Vec<u8>| {
        let mut statement =
            transaction.prepare(&format!("INSERT OR REPLACE INTO {table} VALUES (?1, ?2)"))?;
        statement.execute(params![begins, bytes])
    };
    let there = bytes_of(table.name())?;
    // Of a damaged one nothing can be believed.
    let mut block = there.as_ref().and_then(|bytes| Block::decode(begins, bytes).ok()).unwrap_or_default();
    if table == Table::Imported {
        block.merge(new);
        return put(table.name(), block.encode(begins)).map(drop);
    }
    let mut buckets = BTreeMap::new();
    if there.is_none()
        && let Some(bytes) = bytes_of("bucket")?
    {
        // Its readings were removed, and what they come to was not.
        let decoded = bucket::decode(begins, &bytes, |series, bucket| {
            buckets.insert(series, bucket);
        });
        if decoded.is_err() {
            buckets.clear();
        }
    }
    if there.is_none() && !buckets.is_empty() {
        // Its readings were removed: what comes late is added to what they came to.
        for (series, late) in bucket::of(&new) {
            let mut sum = Sum::default();
            sum.add_all(&late);
            if let Some(before) = buckets.get(&series) {
                sum.add_all(before);
            }
            buckets.insert(series, sum.aggregate());
        }
        put("bucket", bucket::encode(begins, &buckets))?;
    } else {
        block.merge(new);
        put(table.name(), block.encode(begins))?;
    }
    let mut touched = transaction.prepare("INSERT OR IGNORE INTO touched VALUES (?1)")?;
    touched.execute([day_of(begins)]).map(drop)
}
