//! What five minutes come to: written down once their day is over, and computed from the readings until then.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, TransactionBehavior, params};

use super::{HistoryFile, Table};
use crate::store::block::Series;
use crate::store::bucket::{self, Aggregate};
use crate::store::{Error, sqlite};

impl HistoryFile {
    /// Writes down what each five minutes of a day come to, once the day is over or some of it is to be removed: until then
    /// that is computed from the readings, which costs a card nothing.
    ///
    /// # Errors
    /// [`Error`].
    pub fn settle(&mut self, day: i64) -> Result<(), Error> {
        let mut rows = Vec::new();
        self.blocks(Table::Raw, day * 86_400, (day + 1) * 86_400, |begins, block| {
            rows.push((begins, bucket::encode(begins, &bucket::of(&block))));
            true
        })?;
        let path = &self.path;
        let connection = &mut self.connection;
        let mut write = || {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for (begins, bytes) in &rows {
                let sql = "SELECT b FROM bucket WHERE t = ?1";
                let there: Option<Vec<u8>> =
                    transaction.query_row(sql, [begins], |row| row.get(0)).optional()?;
                // What is there of more readings is of a row that was damaged since.
                if there.is_none_or(|there| count(*begins, &there) <= count(*begins, bytes)) {
                    let sql = "INSERT OR REPLACE INTO bucket VALUES (?1, ?2)";
                    transaction.execute(sql, params![begins, bytes])?;
                }
            }
            transaction.commit()
        };
        write().map_err(|error| sqlite(path, error))
    }

    /// Shows the buckets of the wanted fridges that begin in that time, until `each` says false; `backwards` the latest first.
    /// Returns how many rows were damaged and left out.
    ///
    /// # Errors
    /// [`Error`].
    pub fn buckets(
        &self,
        from: i64,
        to: i64,
        backwards: bool,
        is_wanted: impl Fn(Series) -> bool,
        mut each: impl FnMut(i64, Series, Aggregate) -> bool,
    ) -> Result<usize, Error> {
        let touched = self.touched()?;
        let mut damaged = 0;
        let mut goes_on = true;
        // Days whose buckets are not written down are computed; between them are runs of those that are.
        let (mut parts, mut next) = (Vec::new(), from);
        for day in touched {
            let begin = (day * 86_400).clamp(next, to.max(next));
            let end = ((day + 1) * 86_400).clamp(next, to.max(next));
            parts.extend([(next, begin, false), (begin, end, true)]);
            next = end;
        }
        parts.push((next, to, false));
        parts.retain(|(from, to, _)| from < to);
        if backwards {
            parts.reverse();
        }
        for (from, to, is_touched) in parts {
            let mut show = |begins, series, bucket| {
                goes_on = goes_on && each(begins, series, bucket);
                goes_on
            };
            damaged += if is_touched {
                self.computed_buckets(from, to, backwards, &is_wanted, &mut show)?
            } else {
                self.written_buckets(from, to, backwards, &is_wanted, &mut show)?
            };
            if !goes_on {
                break;
            }
        }
        Ok(damaged)
    }

    /// The same of a day, from its readings; where those were removed, from what is written down.
    fn computed_buckets(
        &self,
        from: i64,
        to: i64,
        backwards: bool,
        is_wanted: &dyn Fn(Series) -> bool,
        each: &mut dyn FnMut(i64, Series, Aggregate) -> bool,
    ) -> Result<usize, Error> {
        let mut found: BTreeMap<(i64, Series), Aggregate> = BTreeMap::new();
        let mut damaged =
            self.written_buckets(from, to, false, is_wanted, &mut |begins, series, bucket| {
                found.insert((begins, series), bucket);
                true
            })?;
        damaged += self.blocks(Table::Raw, from, to, |begins, block| {
            let of_wanted = bucket::of(&block).into_iter().filter(|(series, _)| is_wanted(*series));
            found.extend(of_wanted.map(|(series, bucket)| ((begins, series), bucket)));
            true
        })?;
        let mut show = |((begins, series), bucket)| each(begins, series, bucket);
        if backwards {
            found.into_iter().rev().all(&mut show);
        } else {
            found.into_iter().all(&mut show);
        }
        Ok(damaged)
    }

    fn written_buckets(
        &self,
        from: i64,
        to: i64,
        backwards: bool,
        is_wanted: &dyn Fn(Series) -> bool,
        each: &mut dyn FnMut(i64, Series, Aggregate) -> bool,
    ) -> Result<usize, Error> {
        let mut damaged = 0;
        self.rows("bucket", from, to, backwards, |begins, bytes| {
            let mut goes_on = true;
            let decoded = bucket::decode_of(begins, bytes, is_wanted, |series, bucket| {
                goes_on = goes_on && each(begins, series, bucket);
            });
            damaged += usize::from(decoded.is_err());
            goes_on
        })?;
        Ok(damaged)
    }

    /// The same of what was imported.
    ///
    /// # Errors
    /// [`Error`].
    pub fn imported_buckets(
        &self,
        from: i64,
        to: i64,
        mut each: impl FnMut(i64, Series, Aggregate),
    ) -> Result<usize, Error> {
        self.blocks(Table::Imported, from, to, |begins, block| {
            for (series, bucket) in bucket::of(&block) {
                each(begins, series, bucket);
            }
            true
        })
    }
}

/// How many readings and faults the buckets of a row come from; none where it is damaged.
fn count(begins: i64, bytes: &[u8]) -> u32 {
    let mut count = 0;
    let decoded = bucket::decode(begins, bytes, |_, bucket| count += bucket.readings + bucket.faults);
    if decoded.is_ok() { count } else { 0 }
}
