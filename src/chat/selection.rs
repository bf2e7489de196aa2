//! The selection: which fridges a person means by what they typed.

use super::{Answer, Data, View, doc};
use crate::doc::{Doc, Text};
use crate::fridge::{Fridge, names};
use crate::reading::ProbeId;
use crate::text::selection;

/// Which fridges are meant.
pub enum Selection<'a> {
    /// Nothing was typed: all of them.
    All(Vec<&'a Fridge>),
    /// One, by its name or a part of it.
    One(&'a Fridge),
    /// Those of a group.
    Group(Vec<&'a Fridge>),
    /// Several have what was typed in their names.
    Several(Vec<&'a Fridge>),
    /// None; perhaps this one.
    None(Option<&'a str>),
}

/// The fridges that are meant: all for nothing typed; the one of that probe or of that name; those of that
/// group; those that it is a part of; those that it is one slip away from.
pub fn resolve<'a>(typed: &str, view: &View<'a>) -> Selection<'a> {
    if typed.trim().is_empty() {
        return Selection::All(view.fridges.clone());
    }
    if let Some((fridges, rest)) = of_tag(typed, view) {
        return match (&fridges[..], rest) {
            ([], _) => Selection::None(None),
            (_, "") => Selection::Group(fridges),
            (_, rest) => resolve(rest, &View { fridges, ..view.clone() }),
        };
    }
    let means_all = matches!(names::fold(typed).as_str(), "all" | "everything" | "fridges" | "all fridges");
    let of_probe = |id: ProbeId| view.fridges.iter().find(|fridge| fridge.probe == id);
    if let Some(fridge) = typed.parse().ok().and_then(of_probe) {
        return Selection::One(fridge);
    }
    let fridge_names = || view.fridges.iter().map(|fridge| fridge.name.as_str());
    if let Some(exact) = names::exact(typed, fridge_names()) {
        return Selection::One(view.fridges[exact]);
    }
    let typed_group = names::fold(typed);
    let of_group: Vec<&Fridge> = view
        .fridges
        .iter()
        .filter(|fridge| fridge.group.as_ref().is_some_and(|group| names::fold(group) == typed_group))
        .copied()
        .collect();
    if !of_group.is_empty() {
        return Selection::Group(of_group);
    }
    // What is literally a part of a name is no slip in a group's; a slip in a group's comes before one in a name's.
    let mut matching = names::containing(typed, fridge_names());
    if matching.is_empty() {
        let groups = view.fridges.iter().map(|fridge| fridge.group.as_deref().unwrap_or_default());
        let of_group = names::one_slip_from_whole(typed, groups);
        if !of_group.is_empty() {
            return Selection::Group(of_group.into_iter().map(|index| view.fridges[index]).collect());
        }
        matching = names::one_slip_from(typed, fridge_names());
    }
    match matching[..] {
        [] if means_all => Selection::All(view.fridges.clone()),
        [] => Selection::None(names::nearest(typed, fridge_names())),
        [only] => Selection::One(view.fridges[only]),
        _ => Selection::Several(matching.iter().map(|&index| view.fridges[index]).collect()),
    }
}

/// Those of another gateway, "site:north", or of a group, "group:walk in"; and the words behind that, which choose among them:
/// "site:north milk".
fn of_tag<'a, 't>(typed: &'t str, view: &View<'a>) -> Option<(Vec<&'a Fridge>, &'t str)> {
    let (tag, of) = typed.trim().split_once(':')?;
    let is_site = match names::fold(tag).as_str() {
        "site" => true,
        "group" => false,
        _ => return None,
    };
    let tagged = |wanted: &str| -> Vec<&'a Fridge> {
        let wanted = names::fold(wanted);
        let is_it = |fridge: &&&Fridge| match is_site {
            // A name in topics is folded already.
            true => fridge.site.as_deref() == Some(&wanted),
            false => fridge.group.as_ref().is_some_and(|group| names::fold(group) == wanted),
        };
        view.fridges.iter().filter(is_it).copied().collect()
    };
    let (of, whole) = (of.trim(), tagged(of));
    match of.split_once(' ') {
        Some((first, rest)) if whole.is_empty() => Some((tagged(first), rest.trim())),
        _ => Some((whole, "")),
    }
}

/// Whether the words begin with the tag of a gateway.
pub fn has_site(typed: &str) -> bool {
    typed.trim().split_once(':').is_some_and(|(tag, _)| names::fold(tag) == "site")
}

/// Whether they begin with a tag.
fn has_tag(typed: &str) -> bool {
    let tag = typed.trim().split_once(':').map(|(tag, _)| names::fold(tag));
    tag.is_some_and(|tag| ["site", "group"].contains(&tag.as_str()))
}

/// Whether the words name a fridge or a group.
pub fn names_something(words: &str, view: &View<'_>) -> bool {
    !matches!(resolve(words, view), Selection::None(_))
}

/// The fridges that are meant, all of those that a part of a name finds; else the answer that says there is none.
pub fn resolve_or_explain<'a>(typed: &str, view: &View<'a>) -> Result<Vec<&'a Fridge>, Box<Answer>> {
    match resolve(typed, view) {
        Selection::Several(fridges) => Ok(fridges),
        _ => resolve_or_ask_back(typed, view),
    }
}

/// The fridges that are meant, where something is to be done about them: a part of several names means none of them
/// for certain.
pub fn resolve_or_ask_back<'a>(typed: &str, view: &View<'a>) -> Result<Vec<&'a Fridge>, Box<Answer>> {
    match resolve(typed, view) {
        Selection::All(fridges) | Selection::Group(fridges) => Ok(fridges),
        Selection::One(fridge) => Ok(vec![fridge]),
        Selection::Several(fridges) => Err(Box::new(ask_back(&fridges))),
        Selection::None(nearest) => Err(Box::new(unknown(nearest, view))),
    }
}

/// The same, where it concerns those of this gateway first: what is meant of others begins with a tag, such as `site:north`, or
/// is the name of one fridge.
pub fn resolve_own<'a>(typed: &str, view: &View<'a>) -> Result<Vec<&'a Fridge>, Box<Answer>> {
    let fridges = own_first(typed, resolve_or_ask_back(typed, view)?);
    let has_others = |fridges: &[&Fridge]| fridges.iter().any(|fridge| fridge.site.is_some());
    match resolve(typed, view) {
        Selection::All(_) if has_others(&fridges) => Err(Box::new(mistake(selection::NAME_THEM, view))),
        _ => Ok(fridges),
    }
}

/// Without those of other gateways, where there are any of this one and no tag says that others are meant, too.
pub fn own_first<'a>(typed: &str, mut fridges: Vec<&'a Fridge>) -> Vec<&'a Fridge> {
    if !has_tag(typed) && fridges.iter().any(|fridge| fridge.site.is_none()) {
        fridges.retain(|fridge| fridge.site.is_none());
    }
    fridges
}

/// The answer where several fridges may be meant.
pub fn ask_back(fridges: &[&Fridge]) -> Answer {
    let nearest = fridges.iter().map(|fridge| fridge.name.clone()).collect();
    Answer::new(Doc::new(selection::which_one(some_names(fridges))), Data::Unknown { nearest })
}

/// The answer where no fridge has such a name.
pub fn unknown(nearest: Option<&str>, view: &View<'_>) -> Answer {
    let text = selection::unknown_fridge(nearest, some_names(&view.fridges));
    let nearest = nearest.map(str::to_owned).into_iter().collect();
    Answer::new(Doc::new(text), Data::Unknown { nearest })
}

/// The first fridges' names, as many as a line holds.
fn some_names(fridges: &[&Fridge]) -> Text {
    const SHOWN: usize = 12;
    let names = fridges.iter().take(SHOWN).map(|fridge| Text::name(&fridge.name));
    let others = (fridges.len() > SHOWN).then(|| Text::from(selection::AND_OTHERS));
    Text::joined(names.chain(others))
}

/// What a person did wrong, in a sentence with the cure.
pub fn mistake(sentence: &str, view: &View<'_>) -> Answer {
    Answer::new(doc(Text::sentence(sentence), view), Data::Error(sentence.to_owned()))
}
