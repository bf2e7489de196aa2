//! `fridge rules`: what raises an alarm, for each fridge of the configuration, or by a preset.

use clap::Args;
use strum::VariantNames;

use super::{FileOptions, terminal};
use crate::alarm::Preset;
use crate::chat;
use crate::doc;
use crate::fridge::{Fridge, names};
use crate::text::Units;

/// The options of `rules`.
#[derive(Args)]
pub struct Options {
    /// Any part of a fridge's name
    #[arg(value_name = "NAME")]
    name: Vec<String>,
    /// The rules of a preset instead; needs no configuration
    #[arg(long, value_name = "PRESET", value_parser = preset, conflicts_with = "name")]
    preset: Option<Preset>,
}

/// Prints the rules, a sentence each.
pub fn run(options: &Options, files: &FileOptions) -> anyhow::Result<()> {
    if let Some(preset) = options.preset {
        return show(&chat::rules_of(&preset.to_string(), &preset.rules(), Units::Celsius));
    }
    let site = files.load()?.site;
    let named = named(&options.name.join(" "), &site.fridges)?;
    for (index, fridge) in named.iter().enumerate() {
        if index > 0 {
            terminal::print("\n")?;
        }
        show(&chat::rules_of(&fridge.name, &fridge.rules, site.units))?;
    }
    Ok(())
}

/// The fridges that a person means.
pub fn named<'a>(typed: &str, fridges: &'a [Fridge]) -> anyhow::Result<Vec<&'a Fridge>> {
    if typed.is_empty() {
        return Ok(fridges.iter().collect());
    }
    let candidates = || fridges.iter().map(|fridge| fridge.name.as_str());
    let found = match names::exact(typed, candidates()) {
        Some(exact) => vec![exact],
        None => names::containing(typed, candidates()),
    };
    match (&found[..], names::nearest(typed, candidates())) {
        ([], Some(nearest)) => anyhow::bail!("no fridge has `{typed}` in its name; did you mean {nearest}?"),
        ([], None) => anyhow::bail!("no fridge has `{typed}` in its name; `fridge rules` lists them all"),
        _ => Ok(found.into_iter().map(|index| &fridges[index]).collect()),
    }
}

/// The preset of a word.
pub fn preset(word: &str) -> Result<Preset, String> {
    word.parse().map_err(|_| format!("the presets are {}", Preset::VARIANTS.join(", ")))
}

fn show(doc: &doc::Doc) -> anyhow::Result<()> {
    terminal::print(&doc::terminal::render(doc, terminal::wants_colour()))
}
