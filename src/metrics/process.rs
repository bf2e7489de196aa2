//! Metrics of the process, by the names that Prometheus' own client libraries give them.

use std::fmt;

use super::Scrape;
use super::sample::Writer;

/// What Linux counts the processor's time in (USER_HZ): the same on every computer that this runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Writes them; none of those that the system does not tell.
pub fn write(writer: &mut Writer<'_>, scrape: &Scrape) -> fmt::Result {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The program's name may hold anything, and stands in brackets (proc(5)): behind it the third field begins.
    let fields: Vec<&str> =
        stat.rsplit_once(')').map(|(_, fields)| fields.split_whitespace().collect()).unwrap_or_default();
    let field = |number: usize| fields.get(number - 3).and_then(|field| field.parse::<f64>().ok());
    let processor = field(14).zip(field(15)).map(|(user, system)| (user + system) / TICKS_PER_SECOND);
    let resident = field(24).map(|pages| pages * rustix::param::page_size() as f64);
    let descriptors = std::fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count() as f64);
    let snapshot = scrape.chat.gateway().snapshot();
    let start = snapshot.started.wall.as_millisecond() as f64 / 1_000.0;
    writer.counters(
        ("process_cpu_seconds", "The processor's time that the process has had"),
        processor.map(|seconds| (vec![], seconds)),
    )?;
    writer.gauges(
        ("process_resident_memory_bytes", "The memory that the process has"),
        resident.map(|bytes| (vec![], bytes)),
    )?;
    writer.gauges(
        ("process_open_fds", "The file descriptors that the process has"),
        descriptors.map(|count| (vec![], count)),
    )?;
    writer.gauges(("process_start_time_seconds", "When the process started"), [(vec![], start)])
}
