//! The last 24 hours of a fridge as a small line, for a list of many.

use maud::{Markup, html};

use crate::fridge::Fridge;
use crate::gateway::View;
use crate::history;

/// So many points it has: one for each half hour.
const POINTS: usize = 48;
const WIDTH: f64 = 96.0;
const HEIGHT: f64 = 24.0;
/// So much is shown at least, in degrees: noise is no mountain.
const LEAST_SPAN: f64 = 4.0;

/// The line; nothing where nothing was read. What it shows stands in figures on the fridge's own page.
pub fn line(fridge: &Fridge, view: &View<'_>) -> Markup {
    let minutes = view.history.minutes(fridge.probe, &view.now, history::MINUTES);
    let half_hours: Vec<Option<f64>> = minutes
        .chunks(history::MINUTES / POINTS)
        .map(|minutes| {
            let known: Vec<f64> = minutes.iter().flatten().map(history::Minute::middle).collect();
            (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
        })
        .collect();
    let known = || half_hours.iter().flatten().copied();
    let Some((low, high)) =
        known().map(|it| (it, it)).reduce(|(low, high), (it, _)| (low.min(it), high.max(it)))
    else {
        return html! {};
    };
    let middle = f64::midpoint(low, high);
    let span = (high - low).max(LEAST_SPAN);
    let y = |degrees: f64| HEIGHT / 2.0 - (degrees - middle) / span * (HEIGHT - 3.0);
    let mut path = String::new();
    let mut goes_on = false;
    for (index, degrees) in half_hours.iter().enumerate() {
        if let Some(degrees) = degrees {
            let x = WIDTH * index as f64 / (POINTS - 1) as f64;
            let command = if goes_on { 'L' } else { 'M' };
            path.push_str(&format!("{command}{x:.0} {:.1}", y(*degrees)));
            // A point alone is seen as a dot.
            if !goes_on {
                path.push_str("h.1");
            }
        }
        goes_on = degrees.is_some();
    }
    html! {
        svg.spark viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" aria-hidden="true" {
            path d=(path) {}
        }
    }
}
