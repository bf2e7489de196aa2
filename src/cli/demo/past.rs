//! The demo's past: a day that its fridges are said to have had, so that nobody looks at an empty chart. It is kept where
//! what is simulated is kept, and nowhere else.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use crate::bus::{self, simulated};
use crate::config::Config;
use crate::reading::ProbeId;
use crate::store::block::{Block, Series, Sweep};
use crate::store::{HistoryFile, Table, block_of};

/// How long it is, in seconds.
const LENGTH: i64 = 86_400;
/// From one reading to the next, in seconds …
const STEP: i64 = 60;
/// … and where there are more probes than this.
const LONG_STEP: i64 = 300;
const FEW: usize = 20;

/// Writes it, unless there is a past already.
pub fn write(config: &Config, state: &Path) -> anyhow::Result<()> {
    let folder = config.databases(state);
    std::fs::create_dir_all(&folder)?;
    if HistoryFile::open_to_read(&folder)?.is_some() {
        return Ok(());
    }
    let probes = config.buses.iter().find_map(|bus| match &bus.config {
        bus::Config::Simulated(simulated) => Some(simulated.probes),
        _ => None,
    });
    let Some(probes) = probes else { return Ok(()) };
    // Each with its number in the list of ids, which is the list of the configuration's fridges.
    let known: Vec<(Series, ProbeId, usize)> = (1..=probes)
        .filter_map(|number| {
            let probe = simulated::probe_id(number);
            let place = config.site.fridges.iter().position(|fridge| fridge.probe == probe)?;
            Some((Series::try_from(place).ok()?, probe, number))
        })
        .collect();
    let members: Vec<(Series, ProbeId)> = known.iter().map(|(series, probe, _)| (*series, *probe)).collect();
    let step = if probes > FEW { LONG_STEP } else { STEP };
    let now = Timestamp::now().as_second();
    let mut blocks: BTreeMap<i64, Block> = BTreeMap::new();
    for ago in (1..=LENGTH / step).rev().map(|steps| steps * step) {
        let at = now - ago;
        let begins = block_of(at);
        let samples = known.iter().map(|(_, _, number)| Some(Ok(simulated::before_start(*number, ago))));
        let sweep = Sweep { offset_ms: u32::try_from((at - begins) * 1_000)?, samples: samples.collect() };
        blocks.entry(begins).or_default().add(&members, sweep);
    }
    let ids: Vec<String> = config.site.fridges.iter().map(|fridge| fridge.id.clone()).collect();
    let (mut file, _) = HistoryFile::open(&folder, Timestamp::now())?;
    Ok(file.keep(Table::Raw, &ids, &blocks)?)
}
