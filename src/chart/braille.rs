//! A chart in a terminal, in dots of Braille: two beside each other and four above each other in each character.

use std::fmt::Write;

use super::Chart;
use crate::text::Decimal;

/// The characters of Braille, by the dots that are set (Unicode, 2800 to 28FF).
const BLANK: u32 = 0x2800;
/// The bit of each dot, by its row and its column.
const DOTS: [[u32; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
/// So much is shown at least, in degrees: noise is no mountain.
const LEAST_SPAN: f64 = 4.0;
/// The room for the labels.
const LABELS: usize = 10;

impl Chart<'_> {
    /// The chart in lines of at most so many characters; empty where nothing was read. Each column is filled from the lowest
    /// to the highest reading of its time; a limit is a line of dashes.
    pub fn braille(&self, width: usize, height: usize) -> String {
        let read = self.points.iter().filter_map(|(_, aggregate)| aggregate.span);
        let Some((low, high)) = read.reduce(|(low, high), (min, max)| (low.min(min), high.max(max))) else {
            return String::new();
        };
        let limits = [self.limits.min, self.limits.max].into_iter().flatten();
        let shown = [low, high].into_iter().chain(limits.clone());
        let degrees = |celsius: crate::reading::Celsius| self.units.degrees(celsius.degrees());
        let (low, high) =
            shown.map(degrees).fold((f64::MAX, f64::MIN), |(low, high), it| (low.min(it), high.max(it)));
        let lacking = (LEAST_SPAN - (high - low)).max(0.0) / 2.0;
        let (low, high) = (low - lacking, high + lacking);

        let columns = width.saturating_sub(LABELS).max(10);
        let rows = height.max(2);
        let (across, up) = (columns * 2, rows * 4);
        // The row of dots of a temperature, from above.
        let row = |degrees: f64| {
            let part = ((high - degrees) / (high - low)).clamp(0.0, 1.0);
            (part * (up - 1) as f64).round() as usize
        };
        let length = (self.to.as_second() - self.from.as_second()).max(1) as f64;
        let mut cells = vec![BLANK; columns * rows];
        let mut set = |x: usize, y: usize| cells[y / 4 * columns + x / 2] |= DOTS[y % 4][x % 2];
        for limit in limits.map(degrees) {
            (0..across).filter(|x| x % 4 == 0).for_each(|x| set(x, row(limit)));
        }
        for (at, aggregate) in self.points {
            let Some((min, max)) = aggregate.span else { continue };
            let place = |seconds: i64| {
                let part = (seconds - self.from.as_second()) as f64 / length;
                (part.clamp(0.0, 1.0) * across as f64) as usize
            };
            let begin = place(at.as_second());
            let end = place(at.as_second() + self.step_s).max(begin + 1).min(across);
            for x in begin.min(across - 1)..end {
                (row(degrees(max))..=row(degrees(min))).for_each(|y| set(x, y));
            }
        }

        let mut text = String::new();
        for (number, line) in cells.chunks(columns).enumerate() {
            let label = match number {
                0 => Some(high),
                _ if number == rows - 1 => Some(low),
                _ => None,
            };
            let label = label.map_or_else(String::new, |degrees| {
                format!("{} {}", Decimal((degrees * 10.0).round() as i32), self.units.sign())
            });
            let dots: String = line.iter().filter_map(|dots| char::from_u32(*dots)).collect();
            // Writing to a text cannot fail.
            let _written = writeln!(text, "{label:>9} {}", dots.trim_end_matches('\u{2800}'));
        }
        let local = |at: jiff::Timestamp| {
            at.to_zoned_datetime(self.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
        };
        let (from, to) = (local(self.from), local(self.to));
        let room = columns.saturating_sub(from.len() + to.len());
        let _written = writeln!(text, "{:LABELS$}{from}{:room$}{to}", "", "");
        text
    }
}
