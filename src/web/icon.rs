//! The icons of verdicts: a shape for each, because colour alone is not seen by everybody.

use maud::{Markup, PreEscaped, html};

use crate::fridge::Verdict;

/// All shapes, once in a page; [`of`] shows one of them.
pub fn symbols() -> Markup {
    // A path each, in a square of 24.
    const SHAPES: [(&str, &str); 6] = [
        ("ok", "<circle cx=\"12\" cy=\"12\" r=\"10\"/><path class=\"on\" d=\"M7 12.5l3.5 3.5L17 9\"/>"),
        ("warm", "<path d=\"M12 1.5L23.5 22H.5z\"/><path class=\"on\" d=\"M12 9v6m0 3v1\"/>"),
        ("cold", "<path d=\"M12 22.5L.5 2h23z\"/><path class=\"on\" d=\"M12 5v6m0 3v1\"/>"),
        ("none", "<path d=\"M2 2h20v20H2z\"/><path class=\"on\" d=\"M9 9a3 3 0 1 1 3 3v2m0 3v1\"/>"),
        ("wait", "<path d=\"M5 2h14L12 12l7 10H5l7-10z\"/>"),
        ("off", "<path class=\"open\" d=\"M3 12a9 9 0 1 0 18 0 9 9 0 1 0-18 0zM8 12h8\"/>"),
    ];
    html! {
        svg.symbols width="0" height="0" aria-hidden="true" {
            @for (name, shape) in SHAPES {
                symbol id={ "i-" (name) } viewBox="0 0 24 24" { (PreEscaped(shape)) }
            }
        }
    }
}

/// The icon of a verdict; its words stand beside it.
pub fn of(verdict: Verdict) -> Markup {
    html! { svg.icon aria-hidden="true" { use href={ "#i-" (name(verdict)) } {} } }
}

/// Which shape a verdict has.
pub fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Warm => "warm",
        Verdict::Cold => "cold",
        Verdict::NoAnswer | Verdict::Stale => "none",
        Verdict::Pending => "wait",
        Verdict::InRange => "ok",
        Verdict::NoLimits | Verdict::OutOfService => "off",
    }
}
